"""Name the likeliest mistake behind each gradient that is wrong in float64.

in   forward, backward  the author's files
     draws              safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents         safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     manual, reference  safetensors: "<sample>/d<tensor>", float64
     facts, calls       json of float64, as score_errors and compute_manual write them
     needed             the tensors that require a gradient
     time_limit         seconds for one call of forward or backward
out  mistakes           json: per gradient null if it is not wrong in float64, else `kind`, `name`,
                        `evidence`, and `format`, the dtype in which backward computes if its only
                        mistake is that this dtype is coarser than the inputs'; if nothing explains
                        the difference, the kind is "unknown" and the evidence says where the
                        difference is largest

A gradient that is autograd's, where a derivative of torch's own is at fault, has that fault and no
other mistake. For all others three searches follow one another: for a pattern in the values, for a
change to backward that makes the gradient right, and for a change to forward whose gradient is the
wrong one.
"""

from pathlib import Path

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.measured import Measured
from autograd_by_hand.diagnosis.mistake import Mistake
from autograd_by_hand.diagnosis.trial import Trial
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.verdict.call_findings import STATEFUL
from autograd_by_hand.verdict.judge import is_repeated, wrong_and_right
from autograd_by_hand.verdict.within_limits import has_torchs_fault

OF_TORCH = Mistake(
    "torch",
    Message("the gradient has the fault of torch's own derivative"),
    Message("but for rounding, backward gives autograd's numbers"),
)


def name_mistakes(
    forward: Path,
    backward: Path,
    draws: Path,
    cotangents: Path,
    manual: Path,
    reference: Path,
    facts: Path,
    calls: Path,
    needed: list[str],
    time_limit: float,
    mistakes: Path,
) -> None:
    known, called = read_json(facts)["samples"]["trial"]["gradients"], read_json(calls)
    found: dict[str, Mistake | None] = {f"d{name}": None for name in needed}
    for name in needed:
        if name not in called["refused"] and not is_repeated(called, known, name):
            found[f"d{name}"] = _of_calls(called["second_call"][name])
    wrong, right = wrong_and_right(known, called)
    torchs = [name for name in wrong if has_torchs_fault(known[f"d{name}"])]
    found |= {f"d{name}": OF_TORCH for name in torchs}
    wrong = [name for name in wrong if name not in torchs]
    if wrong:
        trial = Trial.read(
            forward, backward, draws, cotangents, manual, reference, needed, time_limit
        )
        measured = {name: Measured.of(known[f"d{name}"]) for name in wrong}
        named = trial.named(wrong, right, measured)
        found |= {f"d{name}": one for name, one in named.items()}
    write_json(mistakes, {gradient: one and one.as_json() for gradient, one in found.items()})


def _of_calls(second_call: str) -> Mistake:
    """The mistake of a backward whose second call on the same inputs gives another gradient."""
    name = (
        Message("backward adds to what an earlier call left")
        if second_call == "twice the first"
        else STATEFUL
    )
    evidence = Message("a second call on the same inputs gave {second}", second=second_call)
    return Mistake("accumulated", name, evidence)


if __name__ == "__main__":
    run_stage(name_mistakes, snakemake)  # type: ignore[name-defined]
