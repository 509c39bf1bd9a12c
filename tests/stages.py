"""What the stages' own tests share: one run that a reader can do by hand.

L = (x W)^2 / 2 at x = 2, W = 3: x W = 6, dx = 6 * 3 = 18, dW = 6 * 2 = 12, L = 18.
"""

from pathlib import Path

import torch

from autograd_by_hand.storage.safetensors_torch import write_tensors

FORWARD = "def forward(x, W):\n    return 0.5 * (x * W) ** 2\n"
BACKWARD = "def backward(x, W):\n    y = x * W\n    return {'x': y * W, 'W': y * x}\n"
NEEDED = ["x", "W"]


def write_inputs(folder: Path, forward: str = FORWARD, backward: str = BACKWARD) -> dict[str, Path]:
    """Write the author's two files, the draws and the cotangents; all by the stages' names."""
    files = {
        "forward": folder / "forward.py",
        "backward": folder / "backward.py",
        "draws": folder / "draws.safetensors",
        "cotangents": folder / "cotangents.safetensors",
    }
    files["forward"].write_text(forward)
    files["backward"].write_text(backward)
    write_tensors(files["draws"], {"trial/x": torch.tensor([2.0]), "trial/W": torch.tensor([3.0])})
    write_tensors(files["cotangents"], {"trial/dout": torch.ones(1)})
    return files
