"""Call the author's backward.py on every run, in one dtype.

in   forward, backward
                 the author's files
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed      the tensors that require a gradient
     time_limit  seconds for one call of backward
out  gradients   safetensors: "<sample>/d<tensor>", shape (runs, *shape), in this dtype; nan where
                 backward gave no gradient; and "<sample>/d<tensor>.second", what second calls on
                 the same inputs gave, if one of them gave other bits
     calls       json: `second_call`, how the gradients of a second call on the same inputs compare,
                 by tensor; `zero_cotangent`, the result of dout = 0 on the first run (empty if
                 backward takes no dout); `changed_inputs`, the inputs that backward modified;
                 `refused`, why there is no gradient, by tensor; `autograd`, how backward uses
                 autograd, if it does; `other_layouts`, what differs if cotangents or inputs are not
                 contiguous, if anything; `kept_state`, the gradients that other inputs in between
                 have changed, if any

Backward is called twice on each run: if the second call gives another gradient by more than
rounding, backward is not a function of its inputs alone. On the first run it is called once more,
to see whether it has autograd compute the gradient, and a few times with cotangents and inputs laid
out as autograd may hand them over. After all runs it is called on the first one again.
"""

from pathlib import Path

from autograd_by_hand.core.files import write_json
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import read_given, read_runs, write_tensors
from autograd_by_hand.verdict.backward_calls import call_backward


def compute_manual(
    dtype: str,
    forward: Path,
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    gradients: Path,
    calls: Path,
) -> None:
    runs, given = read_runs(draws, cotangents), read_given(draws, cotangents)
    found, observations = call_backward(dtype, forward, backward, runs, given, needed, time_limit)
    by_parts = [f"d{name}" for name in needed if name in given.complex]
    write_tensors(gradients, found, by_parts=by_parts)
    write_json(calls, observations)


if __name__ == "__main__":
    run_stage(compute_manual, snakemake)  # type: ignore[name-defined]
