"""Put backward on trial at other sizes of the config's axes.

in   forward     the function that is differentiated
     backward    the author's backward.py
     folder      the experiment's, which holds inputs.py and the files that tensors are read from
     specs, samples, arguments, computes_in
                 from the config
     takes_cotangent
                 whether backward names `dout`
     sizes       `experiment.sizes.Sizes`
     dtypes      the dtypes, float64 among them
     needed      the tensors that require a gradient
     time_limit  seconds for one call
out  tried       json, one row per size: `size`, of every axis by name; `declared`, whether the
                 config lists it; `refused`, why forward cannot be tried at it, or null; and
                 `verdicts`, one row per gradient and dtype, as in judge_gradients

Each size has a few runs of its own, drawn from the trial's seed. No mistake is named.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.settings import Argument, SampleSpec, TensorSpec, arithmetic_of
from autograd_by_hand.experiment.sizes import Sizes, sized
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.storage.second_opinions import doubt
from autograd_by_hand.verdict.gradient_facts import (
    Arithmetic,
    JudgedFacts,
    judged_facts,
    units_of,
)
from autograd_by_hand.verdict.tried_sizes import TriedSize
from autograd_by_hand.verdict.verdicts import verdicts_on
from check_forward import check_forward
from compute_manual import compute_manual
from compute_reference import compute_reference
from draw_cotangents import draw_cotangents
from generate_tensors import generate_tensors
from measure_noise import measure_noise
from prove_reference import prove_reference
from run_autograd import run_autograd

if TYPE_CHECKING:
    from autograd_by_hand.verdict.calls import Calls
    from autograd_by_hand.verdict.judge import VerdictOnGradient

RUNS = 3  # of each size


def try_sizes(
    forward: Path,
    backward: Path,
    folder: str,
    specs: dict[str, TensorSpec],
    samples: dict[str, SampleSpec],
    arguments: dict[str, Argument],
    computes_in: str | None,
    takes_cotangent: bool,
    sizes: Sizes,
    dtypes: list[str],
    needed: list[str],
    time_limit: float,
    tried: Path,
) -> None:
    trial: SampleSpec = {**samples["trial"], "runs": min(RUNS, samples["trial"]["runs"])}
    rows: list[TriedSize] = []
    for size in progress(sizes["tried"], "try_sizes, sizes"):
        own = sized(specs, sizes["named"], size)
        with TemporaryDirectory() as work:
            draws, states, cotangents = (
                Path(work, name) for name in ("draws", "states", "cotangents")
            )
            rest = (draws, cotangents, needed, time_limit)
            verdicts: list[VerdictOnGradient] = []
            refused = None
            try:
                generate_tensors(
                    folder, own, {"trial": trial}, arguments, dtypes, computes_in, time_limit,
                    draws, states, Path(work, "made"),
                )  # fmt: skip
                draw_cotangents(
                    forward, [], draws, states, needed, takes_cotangent, time_limit, cotangents
                )
                verdicts = _verdicts(forward, backward, dtypes, computes_in, *rest, Path(work))
            except UserError as error:
                refused = error.sentence
        rows.append(
            TriedSize(size=size, declared=sizes["declared"], refused=refused, verdicts=verdicts)
        )
    write_json(tried, rows)


def _verdicts(
    forward: Path,
    backward: Path,
    dtypes: list[str],
    computes_in: str | None,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    work: Path,
) -> list["VerdictOnGradient"]:
    """The verdicts on each gradient in each dtype."""
    rest = (draws, cotangents, needed, time_limit)

    def made(kind: str, dtype: str) -> Path:
        return work / f"{dtype}.{kind}"

    proof, oracle = work / "proof", work / "oracle"
    prove_reference(forward, *rest, proof)
    check_forward(forward, *rest, proof, oracle)
    for dtype in dtypes:
        run_autograd(dtype, forward, *rest, made("autograd", dtype))
        reference = made("reference", dtype), made("arithmetic", dtype)
        compute_reference(dtype, forward, draws, cotangents, proof, needed, time_limit, *reference)
        measure_noise(dtype, forward, *rest, made("noise", dtype), made("overflows", dtype))
        manual = made("manual", dtype), made("calls", dtype)
        compute_manual(dtype, forward, backward, *rest, *manual)
    facts: dict[str, dict[str, JudgedFacts]] = {}
    for dtype in dtypes:
        own = arithmetic_of(dtype, computes_in)
        kinds = ("manual", "autograd", "reference")
        values = {kind: read_arrays(made(kind, dtype)) for kind in kinds}
        values["peer"] = read_arrays(made("autograd", own))
        used: Arithmetic = read_json(made("arithmetic", dtype))
        units = units_of(read_arrays(made("noise", own)), used, own)
        facts[dtype] = {
            f"d{name}": judged_facts(values, key, dtype, units, own, used["fault"])
            for name in needed
            for key in [f"trial/d{name}"]
        }
    calls: dict[str, Calls] = {dtype: read_json(made("calls", dtype)) for dtype in dtypes}
    return verdicts_on(facts, facts["float64"], calls, {}, doubt(read_json(oracle)))


if __name__ == "__main__":
    run_stage(try_sizes, snakemake)  # type: ignore[name-defined]
