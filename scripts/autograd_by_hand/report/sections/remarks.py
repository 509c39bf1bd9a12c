"""Remarks on the trial: non-finite values, changed inputs, a narrow reference and the like."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from autograd_by_hand.core.element_index import listed_index
from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.number_format import number
from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.verdict.judge import is_repeated


@dataclass(frozen=True)
class LostResult:
    """Forward's result is not finite in `lost` of the runs.

    output: which of forward's several outputs, None if it has one
    value: the result, inf or nan
    largest: the greatest of the true values, None if they are not finite either
    fits: whether the dtype can hold the true value
    end: the greatest number of the dtype
    """

    kind: ClassVar[str] = "lost result"
    dtype: str
    output: str | None
    value: str
    lost: int
    runs: int
    largest: Figure | None
    fits: bool
    end: Figure


@dataclass(frozen=True)
class LostElements:
    """Elements of a gradient that are not finite.

    value, index, run: those of the first such element
    """

    kind: ClassVar[str] = "lost elements"
    dtype: str
    gradient: str
    lost: int
    value: str
    index: str
    run: int


@dataclass(frozen=True)
class ChangedInputs:
    """The tensors that backward changes in place."""

    kind: ClassVar[str] = "changed inputs"
    dtype: str
    names: list[str]


@dataclass(frozen=True)
class Unasked:
    """What backward returns although the config does not ask for it, as a sentence."""

    kind: ClassVar[str] = "unasked"
    dtype: str
    sentence: str


@dataclass(frozen=True)
class OtherSecondCall:
    """How the gradient of a second call on the same inputs compares with that of the first."""

    kind: ClassVar[str] = "other second call"
    dtype: str
    gradient: str
    second: str


@dataclass(frozen=True)
class NarrowReference:
    """The arithmetic of a reference that is no wider than the dtype, and the reason."""

    kind: ClassVar[str] = "narrow reference"
    dtype: str
    arithmetic: str
    reason: str


@dataclass(frozen=True)
class OnKinks:
    """The operations of which some elements are on a kink, so that the reference is a range."""

    kind: ClassVar[str] = "on kinks"
    dtype: str
    operations: list[str]


@dataclass(frozen=True)
class TurnedDecisions:
    """What decisions change that rounding may turn: a clause for each gradient."""

    kind: ClassVar[str] = "turned decisions"
    dtype: str
    changes: list[Message]


Remark = (
    LostResult
    | LostElements
    | ChangedInputs
    | Unasked
    | OtherSecondCall
    | NarrowReference
    | OnKinks
    | TurnedDecisions
)


def remarks_of(measured: Measurements) -> list[Remark]:
    """Return all remarks, dtype by dtype."""
    return [remark for dtype in measured.dtypes for remark in _remarks(measured, dtype)]


def _remarks(measured: Measurements, dtype: str) -> Iterator[Remark]:
    calls, trial = measured.calls[dtype], measured.trial_facts(dtype)
    if lost := trial["result"]["non_finite"]:
        yield LostResult(
            dtype=dtype,
            output=trial["result"].get("output"),
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
            index = listed_index(lost["index"], by_parts=gradient in measured.by_parts)
            yield LostElements(dtype, gradient, lost["count"], lost["value"], index, lost["run"])
    if names := calls["changed_inputs"]:
        yield ChangedInputs(dtype, names)
    for name, sentence in calls["refused"].items():
        if f"d{name}" not in measured.gradients:
            yield Unasked(dtype, sentence)
    for name, second in calls["second_call"].items():  # but for rounding: the answer says that
        if second != "same bits" and not is_repeated(calls, trial["gradients"], name):
            yield OtherSecondCall(dtype, f"d{name}", second)
    reference = measured.arithmetic[dtype]
    if reference["reason"]:
        yield NarrowReference(dtype, reference["arithmetic"], reference["reason"])
    if reference["kinks"]:
        yield OnKinks(dtype, reference["kinks"])
    changes = [
        Message(
            "`{gradient}` by {share} of its norm ({count} of {all} elements)",
            gradient=gradient,
            share=number(one["jumps"]),
            count=one["jumping"],
            all=one["elements"],
        )
        for gradient in measured.gradients
        if (one := trial["gradients"][gradient])["jumping"]
    ]
    if changes:
        yield TurnedDecisions(dtype, changes)
