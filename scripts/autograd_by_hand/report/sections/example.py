"""One draw by hand and by autograd, to see the digits of."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Figure, Measurements

SAMPLE = "example"


@dataclass(frozen=True)
class Row:
    """A gradient: its first element three times, and the greatest difference of any element."""

    gradient: str
    shape: list[int]
    manual: Figure
    autograd: Figure
    reference: Figure
    to_autograd: float
    to_reference: float


@dataclass(frozen=True)
class Example:
    """The run, and the greatest difference over all gradients to autograd and to the reference.

    arithmetic: the reference's
    """

    seed: int
    arithmetic: str
    to_autograd: float
    to_reference: float
    rows: list[Row]


def example_of(measured: Measurements) -> Example | None:
    """The sample of that name in the format that is shown, None if the config has none."""
    if SAMPLE not in measured.samples:
        return None
    rows = [_row(measured, gradient) for gradient in measured.gradients]
    return Example(
        seed=measured.samples[SAMPLE]["seed"],
        arithmetic=measured.arithmetic[measured.shown]["arithmetic"],
        to_autograd=max(row.to_autograd for row in rows),
        to_reference=max(row.to_reference for row in rows),
        rows=rows,
    )


def _row(measured: Measurements, gradient: str) -> Row:
    dtype, errors = measured.shown, measured.errors[SAMPLE]
    first = measured.facts[dtype]["samples"][SAMPLE]["gradients"][gradient]["first"]
    return Row(
        gradient=gradient,
        shape=measured.specs[gradient.removeprefix("d")]["shape"],
        manual=first["manual"],
        autograd=first["autograd"],
        reference=first["reference"],
        to_autograd=errors[dtype, "manual_vs_autograd", gradient]["max_abs_max"],
        to_reference=errors[dtype, "manual_vs_reference", gradient]["max_abs_max"],
    )
