"""What else was seen in the trial's calls: lost numbers, changed inputs, a narrow reference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from autograd_by_hand.report.measurements import Figure, Measurements


@dataclass(frozen=True)
class LostResult:
    """Forward's result is no number in `lost` of the runs.

    value: what it is instead
    largest: the greatest of its true values, None where those are no numbers either
    fits: whether the format holds the true value
    end: the greatest number of the format
    """

    kind: ClassVar[str] = "lost result"
    dtype: str
    value: str
    lost: int
    runs: int
    largest: Figure | None
    fits: bool
    end: Figure


@dataclass(frozen=True)
class LostElements:
    """Elements of a gradient that are no numbers; of the first: its value, index and run."""

    kind: ClassVar[str] = "lost elements"
    dtype: str
    gradient: str
    lost: int
    value: str
    index: list[int]
    run: int


@dataclass(frozen=True)
class ChangedInputs:
    """The tensors that backward changes in place."""

    kind: ClassVar[str] = "changed inputs"
    dtype: str
    names: list[str]


@dataclass(frozen=True)
class OtherSecondCall:
    """How a gradient of a second call on the same inputs compares with the first call's."""

    kind: ClassVar[str] = "other second call"
    dtype: str
    gradient: str
    second: str


@dataclass(frozen=True)
class NarrowReference:
    """The arithmetic that the reference is no wider than, and why."""

    kind: ClassVar[str] = "narrow reference"
    dtype: str
    arithmetic: str
    reason: str


Remark = LostResult | LostElements | ChangedInputs | OtherSecondCall | NarrowReference


def remarks_of(measured: Measurements) -> list[Remark]:
    """All remarks, format by format."""
    return [remark for dtype in measured.dtypes for remark in _remarks(measured, dtype)]


def _remarks(measured: Measurements, dtype: str) -> Iterator[Remark]:
    calls, trial = measured.calls[dtype], measured.trial_facts(dtype)
    if lost := trial["result"]["non_finite"]:
        yield LostResult(
            dtype=dtype,
            value=lost["value"],
            lost=measured.tails[dtype]["lost"],
            runs=measured.runs,
            largest=trial["result"]["largest"],
            fits=lost["fits"],
            end=measured.facts[dtype]["largest"],
        )
    for gradient in measured.gradients:
        lost = trial["gradients"][gradient]["non_finite"]
        if lost and gradient.removeprefix("d") not in calls["refused"]:
            yield LostElements(
                dtype, gradient, lost["count"], lost["value"], lost["index"], lost["run"]
            )
    if names := calls["changed_inputs"]:
        yield ChangedInputs(dtype, names)
    for name, second in calls["second_call"].items():
        if second != "same bits":
            yield OtherSecondCall(dtype, f"d{name}", second)
    reference = measured.arithmetic[dtype]
    if reference["reason"]:
        yield NarrowReference(dtype, reference["arithmetic"], reference["reason"])
