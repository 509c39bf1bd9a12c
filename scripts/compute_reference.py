"""Differentiate forward.py in wider arithmetic, from the inputs as one dtype rounds them.

in   forward     the author's forward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     proof       json, as prove_reference writes it; it may be missing
     needed      the tensors that require a gradient
     time_limit  seconds for one call of forward
out  gradients   safetensors: "<sample>/d<tensor>" and "<sample>/<output>", (runs, *shape), float64;
                 for a wider one also "<sample>/d<tensor>.tail", the value minus its rounding to
                 float64; in ball arithmetic also "<sample>/d<tensor>.radius", how far from the
                 reference another derivative may be, where an element is on a kink
     arithmetic  json: `arithmetic`, in which the reference was computed; `reason`, why it is not
                 wider than the dtype, or null; `fault`, the operation whose derivative in torch is
                 off, or null; and `kinks`, the operations that have elements on a kink

The reference for float32, bfloat16 and float16 is computed in float64; that for float64 in numpy's
longdouble. Where the proof tells that autograd's own rule is at fault, that the inputs are on a
kink, or that nothing wider is at hand, it is computed in ball arithmetic, if that is not too much.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.vjp import load_forward
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.missing import missing_in
from autograd_by_hand.storage.safetensors_torch import (
    Stack,
    read_given,
    read_runs,
    write_tensors,
)
from autograd_by_hand.verdict.extended_precision import NoWideOperation, is_wider_than_float64
from autograd_by_hand.verdict.proof import BALLS, ArithmeticName, Proof, takes_balls, without_proof
from autograd_by_hand.verdict.reference import reference_of

if TYPE_CHECKING:
    from autograd_by_hand.verdict.gradient_facts import Arithmetic

WIDE_AS_DOUBLE = Message("longdouble is no wider than double here")


def compute_reference(
    dtype: str,
    forward: Path,
    draws: Path,
    cotangents: Path,
    proof: Path,
    needed: list[str],
    time_limit: float,
    gradients: Path,
    arithmetic: Path,
) -> None:
    runs = read_runs(draws, cotangents)
    function = load_forward(forward, read_given(draws), needed, torch_dtype(dtype), time_limit)

    def differentiate(name: ArithmeticName) -> Stack:
        stack = Stack()
        for run in progress(runs, f"compute_reference {dtype}, runs"):
            stack.add(run.sample, reference_of(function, run.tensors, run.douts, name))
        return stack

    missing = missing_in(proof)
    proven: Proof = without_proof(missing.words) if missing else read_json(proof)
    used, stack, reason = _referred_to(dtype, proven, len(runs), differentiate)
    tensors = stack.stacked()
    write_tensors(gradients, tensors)
    told: Arithmetic = {
        "arithmetic": used,
        "reason": reason,
        "fault": proven["fault"] if used == BALLS else None,
        "kinks": sorted(proven["kinks"]) if _is_on_a_kink(tensors) else [],
    }
    write_json(arithmetic, told)


def _is_on_a_kink(tensors: dict[str, Tensor]) -> bool:
    return any(bool(one.any()) for key, one in tensors.items() if key.endswith(".radius"))


def _referred_to(
    dtype: str, proof: Proof, runs: int, differentiate: Callable[[ArithmeticName], Stack]
) -> tuple[ArithmeticName, Stack, str | None]:
    """The arithmetic, what it gives, and the reason if it is no wider than the dtype."""
    if takes_balls(proof, dtype, runs):
        with suppress(UserError):  # another run may be at a pole, or take too long
            return BALLS, differentiate(BALLS), None
    if dtype != "float64":
        return "float64", differentiate("float64"), None
    if not is_wider_than_float64():
        return "float64", differentiate("float64"), WIDE_AS_DOUBLE
    try:
        return "longdouble", differentiate("longdouble"), None
    except NoWideOperation as unknown:
        return "float64", differentiate("float64"), str(unknown)


if __name__ == "__main__":
    run_stage(compute_reference, snakemake)  # type: ignore[name-defined]
