import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from autograd_by_hand.floats.rounding import FORMATS
from tests.conftest import TINY
from tests.in_process import begin
from tests.operators import eight

LINEAR = next(operator for operator in eight() if operator.name == "linear_sse")


def run(root, *pitfalls):
    listed = [{"mistake": "one", "replace": old, "by": new} for old, new in pitfalls]
    tensors = LINEAR.tensors
    pipeline = begin(root, LINEAR.forward, LINEAR.backward, tensors, list(FORMATS), pitfalls=listed)
    pipeline.make(f"experiments/{TINY}/work/pitfalls.json")
    folder = root / "experiments" / TINY
    assert (folder / "backward.py").read_text() == LINEAR.backward
    return read_json(folder / "work/pitfalls.json")


def test_each_mistake_is_judged_in_every_format(tmp_path):
    first, second = run(
        tmp_path, ("dy = y - target", "dy = target - y"), ("dW = dy.T", "dW = 2 * dy.T")
    )
    assert {(one["gradient"], one["dtype"]) for one in first["verdicts"]} == {
        (f"d{name}", dtype) for name in ("x", "W", "b") for dtype in FORMATS
    }
    assert {one["outcome"] for one in first["verdicts"]} == {"wrong"}
    assert {one["diagnosis"]["name"] for one in first["verdicts"]} == {"the sign is wrong"}
    wrong = {one["gradient"] for one in second["verdicts"] if one["outcome"] == "wrong"}
    assert wrong == {"dW"}


def test_a_gradient_that_is_none_is_told_with_the_line_of_the_authors_file(tmp_path):
    (row,) = run(tmp_path, ('"b": db', '"b": None'))
    reasons = {one["reason"] for one in row["verdicts"] if one["gradient"] == "db"}
    assert reasons == {
        f"experiments/{TINY}/backward.py:5: the gradient of 'b' is None; backward must give 'x', 'W', 'b'"
    }
    assert {one["outcome"] for one in row["verdicts"] if one["gradient"] != "db"} == {"right"}


@pytest.mark.parametrize(("old", "count"), [("nowhere", 0), ("dy", 4)])
def test_a_piece_that_does_not_occur_once_is_refused(tmp_path, old, count):
    with pytest.raises(UserError, match=rf"config.yaml: pitfalls: '{old}' occurs {count} times in"):
        run(tmp_path, (old, "x"))
