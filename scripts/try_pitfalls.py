"""Put each of the config's pitfalls on trial: the author's backward with a mistake put in.

in   forward, backward  the author's files
     draws              safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents         safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     autograd, reference, noise, arithmetic
                        per dtype, in the order of `dtypes`, as their stages write them
     oracle             json, as check_forward writes it; it may be missing
     pitfalls           the config's: `mistake`, in words, and `replace` and `by`, pieces of code
     computes_in        the dtype that backward computes in whatever it is given, or None
     dtypes             the dtypes, float64 among them
     needed             the tensors that require a gradient
     time_limit         seconds for one call of forward or backward
out  tried              json, one row per pitfall: `mistake`, `replace`, `by`, and `verdicts`, one
                        row per gradient and dtype, as in judge_gradients

The files of each wrong backward are written to a temporary folder.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.messages import replaced
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.settings import Pitfall, arithmetic_of
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.missing import read_part
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.storage.second_opinions import doubt
from autograd_by_hand.verdict.gradient_facts import (
    Arithmetic,
    JudgedFacts,
    judged_facts,
    units_of,
)
from autograd_by_hand.verdict.verdicts import verdicts_on
from compute_manual import compute_manual
from name_mistakes import name_mistakes

if TYPE_CHECKING:
    from autograd_by_hand.verdict.calls import Calls


def try_pitfalls(
    forward: Path,
    backward: Path,
    draws: Path,
    cotangents: Path,
    autograd: list[Path],
    reference: list[Path],
    noise: list[Path],
    arithmetic: list[Path],
    oracle: Path,
    pitfalls: list[Pitfall],
    computes_in: str | None,
    dtypes: list[str],
    needed: list[str],
    time_limit: float,
    tried: Path,
) -> None:
    source = backward.read_text(encoding="utf-8")
    given = {
        dtype: {"autograd": read_arrays(theirs), "reference": read_arrays(truth)}
        for dtype, theirs, truth in zip(dtypes, autograd, reference, strict=True)
    }
    noise_of = dict(zip(dtypes, noise, strict=True))
    computed_in = {dtype: arithmetic_of(dtype, computes_in) for dtype in dtypes}
    used: dict[str, Arithmetic] = dict(zip(dtypes, map(read_json, arithmetic), strict=True))
    units = {
        dtype: units_of(read_arrays(noise_of[own]), used[dtype], own)
        for dtype, own in computed_in.items()
    }
    truth, reason = reference[dtypes.index("float64")], doubt(read_part(oracle))
    rows = []
    for pitfall in progress(pitfalls, "try_pitfalls, mistakes"):
        wrong = _with_mistake(source, pitfall, backward)
        with TemporaryDirectory() as folder:
            path = Path(folder, "backward.py")
            path.write_text(wrong, encoding="utf-8")
            rest = (path, draws, cotangents, needed, time_limit)
            facts: dict[str, dict[str, JudgedFacts]] = {}
            calls: dict[str, Calls] = {}
            for dtype in dtypes:
                manual, called = Path(folder, f"{dtype}.safetensors"), Path(folder, f"{dtype}.json")
                compute_manual(dtype, forward, *rest, manual, called)
                calls[dtype] = read_json(called)
                refused = calls[dtype]["refused"]
                calls[dtype]["refused"] = {  # name the author's file, not the temporary one
                    name: replaced(one, str(path), str(backward)) for name, one in refused.items()
                }
                own = computed_in[dtype]
                values = given[dtype] | {"manual": read_arrays(manual)}
                values["peer"] = given[own]["autograd"]
                facts[dtype] = {
                    f"d{name}": judged_facts(
                        values, key, dtype, units[dtype], own, used[dtype]["fault"]
                    )
                    for name in needed
                    for key in [f"trial/d{name}"]
                }
            in_float64 = Path(folder, "facts.json")
            write_json(in_float64, {"samples": {"trial": {"gradients": facts["float64"]}}})
            found = Path(folder, "mistakes.json")
            name_mistakes(
                forward,
                path,
                draws,
                cotangents,
                Path(folder, "float64.safetensors"),
                truth,
                in_float64,
                Path(folder, "float64.json"),
                needed,
                time_limit,
                found,
            )
            verdicts = verdicts_on(facts, facts["float64"], calls, read_json(found), reason)
            rows.append({**pitfall, "verdicts": verdicts})
    write_json(tried, rows)


def _with_mistake(source: str, pitfall: Pitfall, backward: Path) -> str:
    """The source of the author's backward with the mistake put in."""
    count = source.count(pitfall["replace"])
    if count != 1:
        raise UserError(
            f"{backward.with_name('config.yaml')}: pitfalls: {pitfall['replace']!r} occurs {count} "
            f"times in {backward}; write a piece of it that occurs once."
        )
    return source.replace(pitfall["replace"], pitfall["by"])


if __name__ == "__main__":
    run_stage(try_pitfalls, snakemake)  # type: ignore[name-defined]
