import pytest

from autograd_by_hand.core.errors import UserError
from check_backward import check_backward
from tests.stages import BACKWARD, NEEDED, write_inputs


def run(folder, backward=BACKWARD):
    given = write_inputs(folder, backward=backward)
    checked = folder / "checked.txt"
    check_backward(given["backward"], given["draws"], given["cotangents"], NEEDED, 10, checked)
    return checked.read_text()


def test_the_gradients_are_listed_with_their_shapes(tmp_path):
    assert run(tmp_path) == "dx ()\ndW ()\n"


@pytest.mark.parametrize(
    ("gradients", "sentence"),
    [
        ("'x': x", "the gradient of 'W' is missing; "),
        ("'x': x, 'W': W[None]", "dW has shape (1,) but W has (); "),
        ("'x': x, 'W': W.double()", "dW is float64 but W is float32; "),
    ],
)
def test_a_gradient_that_is_none_is_told_in_its_place_and_leaves_the_other(
    tmp_path, gradients, sentence
):
    checked = run(tmp_path, f"\ndef backward(x, W):\n    return {{{gradients}}}\n")
    other, told = checked.splitlines()
    assert other == "dx ()"
    assert told.startswith(f"{tmp_path}/backward.py:2: {sentence}")


def test_a_gradient_that_is_not_asked_for_is_told_behind_the_others(tmp_path):
    checked = run(tmp_path, "def backward(x, W):\n    return {'t': x, 'x': x, 'W': W}\n")
    first, second, told = checked.splitlines()
    assert (first, second) == ("dx ()", "dW ()")
    assert told.startswith(f"{tmp_path}/backward.py:1: backward gives 't', ")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return x", ":2: backward returns a Tensor; "),
        ("return x @ W", ":3: RuntimeError: both arguments to matmul need to be at least 1D"),
        ("return {'x': x[None], 'W': W.double()}", ":2: dx has shape (1,) but x has (); "),
        ("return {'W': W.double(), 't': x}", ":2: the gradient of 'x' is missing"),
    ],
    ids=["no dict", "an error", "none of both", "another in their place"],
)
def test_a_backward_that_gives_no_gradient_at_all_is_refused_before_any_format_is_tried(
    tmp_path, body, sentence
):
    with pytest.raises(UserError) as error:
        run(tmp_path, f"\ndef backward(x, W):\n    {body}\n")
    assert str(error.value).startswith(f"{tmp_path}/backward.py{sentence}")
    assert not (tmp_path / "checked.txt").exists()
