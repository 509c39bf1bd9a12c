"""The digits of one run: by hand, by autograd and of the reference."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.verdict.proof import in_words

SAMPLE = "example"


@dataclass(frozen=True)
class Row:
    """A gradient: its first element in three ways, and the greatest difference of any element."""

    gradient: str
    shape: list[int]
    manual: Figure
    autograd: Figure
    reference: Figure
    to_autograd: float
    to_reference: float


@dataclass(frozen=True)
class Example:
    """The run, and the greatest differences from autograd and from the reference.

    arithmetic: of the reference
    """

    seed: int
    arithmetic: str
    to_autograd: float
    to_reference: float
    rows: list[Row]


def example_of(measured: Measurements) -> Example | None:
    """Return the example in the dtype that is shown, None if the config has no such sample."""
    if SAMPLE not in measured.samples:
        return None
    rows = [_row(measured, gradient) for gradient in measured.gradients]
    return Example(
        seed=measured.samples[SAMPLE]["seed"],
        arithmetic=in_words(measured.arithmetic[measured.shown]["arithmetic"]),
        to_autograd=max(row.to_autograd for row in rows),
        to_reference=max(row.to_reference for row in rows),
        rows=rows,
    )


def _row(measured: Measurements, gradient: str) -> Row:
    dtype, errors = measured.shown, measured.errors[SAMPLE]
    facts = measured.facts[dtype]["samples"][SAMPLE]["gradients"][gradient]
    first = facts["first"]
    return Row(
        gradient=gradient,
        shape=facts["shape"],
        manual=first["manual"],
        autograd=first["autograd"],
        reference=first["reference"],
        to_autograd=errors[dtype, "manual_vs_autograd", gradient]["max_abs_max"],
        to_reference=errors[dtype, "manual_vs_reference", gradient]["max_abs_max"],
    )
