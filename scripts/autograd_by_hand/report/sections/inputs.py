"""What forward and backward are called with, where it is more than drawn tensors."""

import json
from dataclasses import dataclass

from autograd_by_hand.experiment.settings import INPUTS, TensorSpec, drawn_tensors
from autograd_by_hand.report.measurements import Measurements


@dataclass(frozen=True)
class Row:
    """A tensor.

    source: how it is drawn, or where it is taken from
    """

    name: str
    shape: list[int]
    dtype: str
    source: str


@dataclass(frozen=True)
class Inputs:
    """The tensors of each run.

    arguments: what is no tensor, by name, as JSON has it
    complex: the names of the complex tensors
    """

    rows: list[Row]
    arguments: dict[str, str]
    complex: list[str]


def inputs_of(measured: Measurements) -> Inputs | None:
    """The inputs of an experiment; None if all of them are drawn and real."""
    specs = drawn_tensors(measured.specs, measured.samples["trial"])
    drawn = all("draw" in spec for spec in specs.values())
    complex_ = [one["name"] for one in measured.made if one["dtype"].startswith("complex")]
    if drawn and not complex_ and not measured.arguments:
        return None
    rows = [
        Row(one["name"], one["shape"], one["dtype"], _source(specs[one["name"]]))
        for one in measured.made
    ]
    arguments = {
        name: json.dumps(value, ensure_ascii=False) for name, value in measured.arguments.items()
    }
    return Inputs(rows, arguments, complex_)


def _source(spec: TensorSpec) -> str:
    return spec.get("draw") or spec.get("file") or (INPUTS if "from" in spec else "config.yaml")
