import pytest

from scripts.check_backward import check_backward
from scripts.lib.refusal import Refusal
from tests.stages import BACKWARD, NEEDED, write_inputs


def run(folder, backward=BACKWARD):
    given = write_inputs(folder, backward=backward)
    checked = folder / "checked.txt"
    check_backward(given["backward"], given["draws"], given["cotangents"], NEEDED, 10, checked)
    return checked.read_text()


def test_the_gradients_are_listed_with_their_shapes(tmp_path):
    assert run(tmp_path) == "dx ()\ndW ()\n"


@pytest.mark.parametrize(
    ("backward", "sentence"),
    [
        ("def backward(x, W):\n    return {'x': x}\n", "the gradient of 'W' is missing"),
        (
            "def backward(x, W):\n    return {'x': x, 'W': W[None]}\n",
            r"dW has shape \(1,\) but W has \(\)",
        ),
        (
            "def backward(x, W):\n    return {'x': x, 'W': W.double()}\n",
            "dW is float64 but W is float32",
        ),
    ],
)
def test_a_mistake_is_told_before_any_format_is_tried(tmp_path, backward, sentence):
    with pytest.raises(Refusal, match=sentence):
        run(tmp_path, backward)
    assert not (tmp_path / "checked.txt").exists()
