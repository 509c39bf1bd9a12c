"""Keep the gradients of the runs that are judged or shown, without duplicates, for the archive.

in   manual     safetensors: "<sample>/d<tensor>", shape (runs, *shape), in this dtype
     autograd   safetensors: the same, and "<sample>/result"
out  gradients  safetensors: "autograd/<sample>/<name>", and "manual/<sample>/<name>" if any bit of
                it differs from autograd's
     same       json: the names "<sample>/<name>" for which manual and autograd have the same bits

The gradients of other samples are left out: an archive holds all inputs, so they can be computed.
"""

from pathlib import Path

from autograd_by_hand.core.files import write_json
from autograd_by_hand.experiment.tensor_bits import same_bits
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import read_tensors, write_tensors

SAMPLES = ("example", "trial")


def collect_gradients(manual: Path, autograd: Path, gradients: Path, same: Path) -> None:
    by_hand, torchs = read_tensors(manual), read_tensors(autograd)
    kept = {key for key in torchs if key.split("/")[0] in SAMPLES}
    alike = sorted(key for key in kept & by_hand.keys() if same_bits(by_hand[key], torchs[key]))
    write_tensors(
        gradients,
        {f"autograd/{key}": torchs[key] for key in kept}
        | {f"manual/{key}": by_hand[key] for key in kept & by_hand.keys() if key not in alike},
    )
    write_json(same, alike)


if __name__ == "__main__":
    run_stage(collect_gradients, snakemake)  # type: ignore[name-defined]
