"""Put an operator's gradients on trial as the pipeline does: by its own stages, in one process."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd_by_hand.core.files import read_json
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.storage.safetensors_torch import array_of, read_given, read_runs
from autograd_by_hand.verdict.backward_calls import call_backward
from autograd_by_hand.verdict.gradient_facts import Arithmetic, Kinds, judged_facts, units_of
from autograd_by_hand.verdict.verdicts import verdicts_on
from tests.conftest import TINY
from tests.in_process import begin
from tests.operators.case import Operator

if TYPE_CHECKING:
    import torch

    from autograd_by_hand.verdict.calls import Calls

LINEAR = "linear"  # the scale that stands for nn.Linear's own initialisation of weights and biases
LIMIT = 60.0
SAMPLES = {"trial": {"seed": 0, "runs": 3}}  # those of the figures that the README has
WORK = f"experiments/{TINY}/work"


class Trial:
    """An operator at one scale of its inputs, all that does not depend on backward done.

    A backward's gradients are computed, measured and judged in memory.

    needed: the tensors that are differentiated by
    forward, backward, work: the author's two files, and the folder of the stages' files
    dtypes: the formats in which it is tried, float64 among them
    runs, given: the inputs of every run, and what the functions may be called with
    gradients: by format, the tensors that the last backward gave in it, as compute_manual has them
    """

    def __init__(
        self,
        root: Path,
        operator: Operator,
        scale: float | str,
        dtypes: Sequence[str] = tuple(FORMATS),
    ) -> None:
        self.operator, self.dtypes = operator, dtypes
        tensors = _scaled(operator.tensors, scale)
        self.pipeline = begin(
            root, operator.forward, operator.backward, tensors, [*dtypes], samples=SAMPLES
        )
        self.needed = [name for name, spec in tensors.items() if spec.get("requires_grad")]
        folder = root / "experiments" / TINY
        self.forward, self.backward, self.work = (
            folder / name for name in ("forward.py", "backward.py", "work")
        )
        kinds = ("autograd", "reference", "noise")
        each = [f"{WORK}/{dtype}/{kind}.safetensors" for dtype in dtypes for kind in kinds]
        self.pipeline.make(f"{WORK}/oracle.json", *each)
        draws, cotangents = (self.work / f"{name}.safetensors" for name in ("draws", "cotangents"))
        self.runs, self.given = read_runs(draws, cotangents), read_given(draws)
        self.gradients: dict[str, dict[str, torch.Tensor]] = {}
        self._oracle = read_json(self.work / "oracle.json")["reason"]
        self._theirs = {
            dtype: {
                kind: read_arrays(self.work / dtype / f"{kind}.safetensors")
                for kind in ("autograd", "reference")
            }
            for dtype in dtypes
        }
        self._used: dict[str, Arithmetic] = {
            dtype: read_json(self.work / dtype / "arithmetic.json") for dtype in dtypes
        }
        self._units = {
            dtype: units_of(
                read_arrays(self.work / dtype / "noise.safetensors"), self._used[dtype], dtype
            )
            for dtype in dtypes
        }
        self._calls: dict[str, Calls] = {}

    def compute(self, source: str) -> None:
        """Have a backward compute its gradients in every format."""
        self.backward.write_text(source)
        for dtype in self.dtypes:
            self.gradients[dtype], self._calls[dtype] = call_backward(
                dtype, self.forward, self.backward, self.runs, self.given, self.needed, LIMIT
            )

    def values(self, dtype: str) -> Kinds:
        """Of one format, `manual`, as computed last (if so), `autograd` and `reference`."""
        by_hand = {key: array_of(one) for key, one in self.gradients.get(dtype, {}).items()}
        return {"manual": by_hand, **self._theirs[dtype]}

    def name(self, source: str | None = None) -> dict[str, Any]:
        """The mistakes in a backward, or in the one that was computed last, by gradient."""
        self.measure(source)
        self.pipeline.run("name_mistakes", experiment=TINY)
        mistakes: dict[str, Any] = read_json(self.work / "mistakes.json")
        return mistakes

    def measure(self, source: str | None = None) -> None:
        """Have the stages measure such a backward in float64, and leave their files in `work`."""
        if source is not None:
            self.backward.write_text(source)
        for stage in ("compute_manual", "reorder_sums", "score_errors"):
            self.pipeline.run(stage, experiment=TINY, dtype="float64")

    def verdicts(self, mistakes: dict[str, Any] | None = None) -> dict[tuple[str, str], Any]:
        """The verdicts on what was computed last, by format and gradient."""
        facts = {dtype: self.facts(dtype) for dtype in self.dtypes}
        verdicts = verdicts_on(facts, facts["float64"], self._calls, mistakes or {}, self._oracle)
        return {(one["dtype"], one["gradient"]): one for one in verdicts}

    def facts(self, dtype: str) -> dict[str, Any]:
        """The facts about each gradient that was computed last, in one format."""
        values = self.values(dtype)
        return {
            f"d{name}": judged_facts(
                values, key, dtype, self._units[dtype], fault=self._used[dtype]["fault"]
            )
            for name in self.needed
            for key in [f"trial/d{name}"]
        }


def _scaled(tensors: dict[str, Any], scale: float | str) -> dict[str, Any]:
    """The tensors, all of one scale, or weights and biases as nn.Linear begins with them."""
    scaled = {}
    for name, spec in tensors.items():
        if spec.get("draw") in ("randint", None):
            scaled[name] = spec
        elif scale != LINEAR:
            scaled[name] = spec | {"scale": scale}
        elif name[0] in "WUb" and len(name) < 3:
            scaled[name] = spec | {"draw": "linear_default", "fan_in": spec["shape"][-1]}
        else:
            scaled[name] = spec
    return scaled
