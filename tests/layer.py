"""What the tests of sums share: a small linear layer with a loss, from the draws to the replay."""

from pathlib import Path
from typing import Any

import torch

from attribute_difference import attribute_difference
from autograd_by_hand.core.files import read_json
from autograd_by_hand.storage.safetensors_torch import write_tensors
from compute_manual import compute_manual
from observe_operations import observe_operations
from record_environment import record_environment
from reveal_orders import reveal_orders
from run_autograd import run_autograd
from verify_replay import verify_replay

FORWARD = """\
from torch.nn.functional import linear

def forward(x, W, b):
    y = linear(x, W, b)
    return 0.5 * (y ** 2).sum()
"""
BACKWARD = """\
from torch.nn.functional import linear

def backward(x, W, b):
    dy = linear(x, W, b)
    return {"x": dy @ W, "W": dy.T @ x, "b": dy.sum(0)}
"""
SHAPES = {"x": (2, 40), "W": (30, 40), "b": (30,)}
TANH: Any = {  # what is no sum has to be taken as given
    "forward": "def forward(x):\n    return x.tanh().sum()\n",
    "backward": "def backward(x):\n    return {'x': 1 - x.tanh() ** 2}\n",
}


class Layer:
    """One experiment's folder in one format; each method is a stage, and gives what it wrote."""

    def __init__(
        self,
        folder: Path,
        dtype: str = "float32",
        forward: str = FORWARD,
        backward: str = BACKWARD,
        shapes: dict[str, tuple[int, ...]] = SHAPES,
        dout: tuple[int, ...] = (),
    ) -> None:
        self.dtype, self.needed = dtype, list(shapes)
        self.work = folder / "work"
        self.own = self.work / dtype
        self.own.mkdir(parents=True, exist_ok=True)
        self.forward, self.backward = folder / "forward.py", folder / "backward.py"
        self.forward.write_text(forward)
        self.backward.write_text(backward)
        generator = torch.Generator().manual_seed(0)
        drawn = {
            f"trial/{name}": torch.randn((3, *shape), generator=generator)
            for name, shape in shapes.items()
        }
        given = torch.randn((3, *dout), generator=generator) if dout else torch.ones(3)
        write_tensors(self.work / "draws.safetensors", drawn)
        write_tensors(self.work / "cotangents.safetensors", {"trial/dout": given})

    @property
    def drawn(self) -> dict[str, Any]:
        return {name: self.work / f"{name}.safetensors" for name in ("draws", "cotangents")}

    def file(self, name: str) -> Path:
        return next(self.own.glob(f"{name}.*"), self.own / f"{name}.json")

    def compute(self) -> None:
        rest = {**self.drawn, "needed": self.needed, "time_limit": 60}
        run_autograd(self.dtype, self.forward, **rest, gradients=self.own / "autograd.safetensors")
        compute_manual(
            self.dtype, self.backward, **rest,
            gradients=self.own / "manual.safetensors", calls=self.own / "calls.json",
        )  # fmt: skip

    def observe(self) -> Any:
        observe_operations(
            self.dtype, self.forward, self.backward, **self.drawn, needed=self.needed, time_limit=60,
            operations=self.own / "operations.json", recorded=self.own / "recorded.safetensors",
        )  # fmt: skip
        return read_json(self.own / "operations.json")

    def reveal(self) -> Any:
        environment = self.work / "environment.json"
        record_environment(["torch", "numpy"], environment)
        orders = self.own / "orders.json"
        reveal_orders(self.dtype, self.file("operations"), environment, orders)
        return read_json(orders)

    def replay(self) -> Any:
        names = ("operations", "orders", "recorded", "autograd")
        replay = self.own / "replay.json"
        verify_replay(
            self.dtype, **self.drawn, **{name: self.file(name) for name in names}, replay=replay
        )
        return read_json(replay)

    def attribute(self) -> Any:
        names = ("operations", "orders", "recorded", "manual", "autograd")
        attribution = self.own / "attribution.json"
        attribute_difference(
            self.dtype, self.backward, **self.drawn, **{name: self.file(name) for name in names},
            needed=self.needed, time_limit=60, attribution=attribution,
        )  # fmt: skip
        return read_json(attribution)

    def all(self) -> "Layer":
        self.compute()
        self.observe()
        self.reveal()
        return self
