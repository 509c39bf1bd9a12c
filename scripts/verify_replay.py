"""Compute autograd's gradients again in numpy, from the input bits and the orders of the sums.

in   operations  json, as observe_operations writes it
     orders      json, as reveal_orders writes it
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout"
     recorded    safetensors: the values that the replay reads instead of computing them, and the
                 variables of forward
     autograd    safetensors: "<sample>/d<tensor>" and "<sample>/result", in this dtype
out  replay      json: `tensors`, one row per tensor and kind of data: dtype, tensor, data
                 ("experiment", or "amplified" for a sum on data whose products cancel), elements,
                 identical, and `first`, the first element that differs or null; `given`, by
                 operation, how many results were taken as recorded; `constants`, the results and
                 gradients that no operation computes and that were taken as recorded as well;
                 `refused`, the sums without an order, with the reason; `others`, the runs that
                 execute other operations; `proved`, whether every bit was computed and met

It needs numpy but not torch, like scripts/verify.py, which replays an archived experiment.
"""

from pathlib import Path

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.replay.compare import verified
from autograd_by_hand.storage.safetensors_numpy import arrays_by_sample


def verify_replay(
    dtype: str,
    operations: Path,
    orders: Path,
    draws: Path,
    cotangents: Path,
    recorded: Path,
    autograd: Path,
    replay: Path,
) -> None:
    found = verified(
        dtype,
        read_json(operations)["autograd"],
        read_json(orders)["sums"],
        arrays_by_sample(draws, cotangents),
        arrays_by_sample(recorded, autograd),
    )
    write_json(replay, found)


if __name__ == "__main__":
    run_stage(verify_replay, snakemake)  # type: ignore[name-defined]
