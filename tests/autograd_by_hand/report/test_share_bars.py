import pytest

from autograd_by_hand.report.panels import WIDTH
from autograd_by_hand.report.share_bars import bars_of_shares


def attribution(refused: str | None = None, **shares: float | None):
    """What is traced of one gradient, dx."""
    rows = [{"gradient": "dx", "factor": name, "share": share} for name, share in shares.items()]
    return {"refused": refused, "shares": rows}


def bars(**by_dtype):
    return bars_of_shares(by_dtype, ["dx"])


def test_the_pieces_of_a_bar_lie_one_after_another_and_are_as_long_as_their_shares():
    told = bars(float32=attribution(forward_order=0.25, backward_order=0.75))
    (zero, *_, whole) = [x for x, _ in told.x_ticks]
    first, second = told.rows[0].pieces
    assert (first.factor, first.x) == ("forward_order", zero)
    assert first.x + first.width == second.x
    assert second.x + second.width == pytest.approx(whole)
    assert second.width == pytest.approx(3 * first.width)


def test_a_negative_share_lies_to_the_left_of_zero():
    told = bars(float32=attribution(forward_order=1.5, backward_fma=-0.5))
    right, left = told.rows[0].pieces
    zero = told.x_ticks[0][0]
    assert left.x + left.width == pytest.approx(zero)
    assert right.x == zero
    assert right.width == pytest.approx(3 * left.width)
    assert right.x + right.width < WIDTH


@pytest.mark.parametrize(
    ("shares", "cause"),
    [
        ({"forward_order": 0.3, "backward_order": 0.3, "backward_fma": 0.4}, "order"),
        ({"forward_order": 0.3, "forward_fma": 0.3, "backward_fma": 0.4}, "fma"),
        ({"output_rounding": 0.9, "forward_order": 0.1}, "rounding"),
        ({"other_operations": 1.0}, "other"),
        ({"forward_order": None}, "none"),
        ({}, "none"),
    ],
)
def test_a_format_has_the_cause_with_the_greatest_share(shares, cause):
    assert bars(float32=attribution(**shares)).causes == {cause: ["float32"]}


def test_formats_with_the_same_cause_are_told_together():
    order, rounding = attribution(forward_order=1.0), attribution(output_rounding=1.0)
    told = bars(float64=order, float32=order, float16=rounding, bfloat16=attribution("no order"))
    assert told.causes == {
        "order": ["float64", "float32"],
        "rounding": ["float16"],
        "unknown": ["bfloat16"],
    }


def test_what_was_not_traced_or_has_no_difference_has_an_empty_bar():
    told = bars(float32=attribution("no order"), float16=attribution(forward_order=None))
    assert [(row.pieces, row.refused) for row in told.rows] == [([], True), ([], False)]


def test_only_factors_that_occur_are_in_the_legend():
    told = bars(float32=attribution(forward_order=1.0, forward_fma=0.0))
    assert told.factors == ["forward_order"]
