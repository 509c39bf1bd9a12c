"""What the tests of sums share: a small linear layer with a loss, from the draws to the replay."""

from pathlib import Path
from typing import Any

from autograd_by_hand.core.files import read_json
from tests.conftest import TINY
from tests.in_process import begin

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
    """An experiment in one format, in a project of its own; each method runs stages, and gives what
    the last one wrote.

    folder: the experiment's folder, without the project's
    work, own: where the stages' files are, and those of the format
    """

    folder = Path("experiments", TINY)

    def __init__(
        self,
        root: Path,
        dtype: str = "float32",
        forward: str = FORWARD,
        backward: str = BACKWARD,
        shapes: dict[str, tuple[int, ...]] = SHAPES,
    ) -> None:
        self.dtype = dtype
        tensors = {
            name: {"shape": [*shape], "draw": "randn", "requires_grad": True}
            for name, shape in shapes.items()
        }
        self._pipeline = begin(root, forward, backward, tensors, [dtype])
        self.work = root / self.folder / "work"
        self.own = self.work / dtype
        self.run("generate_tensors", "draw_cotangents")

    def run(self, *stages: str) -> None:
        for stage in stages:
            self._pipeline.run(stage, experiment=TINY, dtype=self.dtype)

    def file(self, name: str) -> Path:
        return next(self.own.glob(f"{name}.*"), self.own / f"{name}.json")

    def compute(self) -> None:
        self.run("run_autograd", "compute_manual")

    def observe(self) -> Any:
        self.run("observe_operations")
        return read_json(self.file("operations"))

    def reveal(self) -> Any:
        self.run("record_environment", "reveal_orders")
        return read_json(self.file("orders"))

    def replay(self) -> Any:
        self.run("verify_replay")
        return read_json(self.file("replay"))

    def attribute(self) -> Any:
        self.run("attribute_difference")
        return read_json(self.file("attribution"))

    def all(self) -> "Layer":
        self.compute()
        self.observe()
        self.reveal()
        return self
