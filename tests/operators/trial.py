"""Put an operator's gradients on trial as the pipeline does: by its own stages, in one process."""

from pathlib import Path
from typing import Any

from autograd_by_hand.core.files import read_json
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.verdict.backward_calls import calls_of
from autograd_by_hand.verdict.judge import judge_gradient
from check_forward import check_forward
from compute_manual import compute_manual
from compute_reference import compute_reference
from draw_cotangents import draw_cotangents
from generate_tensors import generate_tensors
from measure_noise import measure_noise
from name_mistakes import name_mistakes
from run_autograd import run_autograd
from score_errors import score_errors
from tests.operators.case import Operator

LINEAR = "linear"  # the scale that stands for nn.Linear's own initialisation of weights and biases
LIMIT = 60.0
RUNS = 3


class Trial:
    """An operator at one scale of its inputs, all that does not depend on backward done."""

    def __init__(self, folder: Path, operator: Operator, scale: float | str) -> None:
        self.folder, self.operator = folder, operator
        folder.mkdir(parents=True, exist_ok=True)
        self.needed = [name for name, spec in operator.tensors.items() if spec.get("requires_grad")]
        self.forward, self.backward = folder / "forward.py", folder / "backward.py"
        self.draws, states, self.cotangents = (
            folder / f"{name}.safetensors" for name in ("draws", "states", "cotangents")
        )
        self.forward.write_text(operator.forward)
        generate_tensors(
            _scaled(operator.tensors, scale),
            {"trial": {"seed": 0, "runs": RUNS}},
            self.draws,
            states,
        )
        draw_cotangents(self.forward, self.draws, states, LIMIT, self.cotangents)
        self._given = (self.forward, self.draws, self.cotangents, self.needed, LIMIT)
        check_forward(*self._given, folder / "oracle.json")
        self.oracle = read_json(folder / "oracle.json")["reason"]
        for dtype in FORMATS:
            run_autograd(dtype, *self._given, self.file(dtype, "autograd"))
            compute_reference(
                dtype, *self._given, self.file(dtype, "reference"), self.file(dtype, "arithmetic")
            )
            measure_noise(
                dtype, *self._given, self.file(dtype, "noise"), self.file(dtype, "overflows")
            )

    def file(self, dtype: str, name: str) -> Path:
        """A stage's file of one format."""
        return self.folder / f"{name}.{dtype}"

    def compute(self, source: str, dtype: str) -> None:
        """Have a backward compute its gradients, and measure them."""
        self.backward.write_text(source)
        compute_manual(
            dtype,
            self.backward,
            *self._given[1:],
            self.file(dtype, "manual"),
            self.file(dtype, "calls"),
        )
        score_errors(
            dtype,
            self.file(dtype, "manual"),
            self.file(dtype, "autograd"),
            self.file(dtype, "reference"),
            self.file(dtype, "manual"),  # for `reordered`, which no verdict looks at
            self.file(dtype, "noise"),
            self.file(dtype, "arithmetic"),
            self.needed,
            self.file(dtype, "errors"),
            self.file(dtype, "facts"),
            self.file(dtype, "tails"),
        )

    def name(self) -> dict[str, Any]:
        """The mistakes in what was computed last in float64, by gradient."""
        found = self.folder / "mistakes.json"
        name_mistakes(
            self.forward,
            self.backward,
            self.draws,
            self.cotangents,
            self.file("float64", "manual"),
            self.file("float64", "reference"),
            self.file("float64", "facts"),
            self.file("float64", "calls"),
            self.needed,
            LIMIT,
            found,
        )
        mistakes: dict[str, Any] = read_json(found)
        return mistakes

    def verdicts(self, mistakes: dict[str, Any] | None = None) -> dict[tuple[str, str], Any]:
        """The verdicts on what was computed last, by format and gradient."""
        formula = self._facts("float64")
        found = {}
        for dtype in FORMATS:
            calls, facts = read_json(self.file(dtype, "calls")), self._facts(dtype)
            for name in self.needed:
                found[dtype, f"d{name}"] = judge_gradient(
                    dtype,
                    facts[f"d{name}"],
                    formula[f"d{name}"],
                    calls_of(calls, name),
                    (mistakes or {}).get(f"d{name}"),
                    self.oracle,
                )
        return found

    def _facts(self, dtype: str) -> dict[str, Any]:
        facts: dict[str, Any] = read_json(self.file(dtype, "facts"))
        gradients: dict[str, Any] = facts["samples"]["trial"]["gradients"]
        return gradients


def _scaled(tensors: dict[str, Any], scale: float | str) -> dict[str, Any]:
    """The tensors, all of one scale, or weights and biases as nn.Linear begins with them."""
    scaled = {}
    for name, spec in tensors.items():
        if spec["draw"] == "randint":
            scaled[name] = spec
        elif scale != LINEAR:
            scaled[name] = spec | {"scale": scale}
        elif name[0] in "WUb" and len(name) < 3:
            scaled[name] = spec | {"draw": "linear_default", "fan_in": spec["shape"][-1]}
        else:
            scaled[name] = spec
    return scaled
