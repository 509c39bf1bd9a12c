"""The relation between a value and the correct one is described."""

import pytest

from autograd_by_hand.diagnosis.backward_sites import ManualBackward
from autograd_by_hand.diagnosis.value_relations import relation
from tests.autograd_by_hand.diagnosis.backwards import drawn, traced

TENSORS = drawn(x=(4, 3), y=(4, 3), b=(3,), dout=(4, 3))
CASES = {
    "x.exp()": ("operation", ""),
    "x.roll(1, 0)": ("shifted", "it is shifted by one index along axis 0"),
    "x.flip(1)": ("transposed", "it is reversed along axis 1"),
    "x.T.reshape(4, 3)": ("transposed", "the same numbers in another order"),
    "2 * x": ("factor", "the first is 2 times the second"),
    "0.3 * x": ("constant", "the first is 0.3 times the second"),
    "0.9 * x + 0.1": ("constant", "the first is 0.9 times the second plus 0.1"),
    "1 - x": ("operation", ""),
    "x / b": ("missing", "the factor `b` is left out"),
    "x - y.exp()": ("operation", ""),
    "0 * x": ("missing", "it is 0"),
    "torch.ones_like(x)": ("missing", "it is 1 everywhere"),
    "x * torch.tensor([[1.0], [0], [1], [1]])": ("confined", "it is 0 at index [1] along axis 0"),
}


@pytest.mark.parametrize("used", CASES)
def test_a_value_in_the_place_of_x(used):
    kind, words = CASES[used]
    source = f"def backward(x, y, b, dout):\n    used = {used}\n    return {{'x': used * dout}}\n"
    backward = ManualBackward(traced(source, TENSORS), [])
    places = {name: place for place, name in backward.steps.names.items()}
    found, description = relation(backward, places["used"], places["x"])
    assert (found, words in description) == (kind, True), description
    assert "`used` is used instead of `x`" in description


def test_a_term_that_is_left_out_is_reported():
    source = (
        "def backward(x, y, b, dout):\n"
        "    t, used = y.exp(), y.sin()\n"
        "    due = used - t\n"
        "    return {'x': due * dout}\n"
    )
    backward = ManualBackward(traced(source, TENSORS), [])
    places = {name: place for place, name in backward.steps.names.items()}
    kind, description = relation(backward, places["used"], places["due"])
    assert kind == "missing"
    assert description.endswith("the term `t` is left out")


@pytest.mark.parametrize("by", [1, -1])
def test_an_index_one_off_is_shifted(by):
    source = (
        "def backward(x, y, b, dout):\n"
        "    due = torch.tensor([0, 3, 1])\n"
        f"    used = due + {by}\n"
        "    return {'x': x[used % 4].sum() + x[due].sum() + dout}\n"
    )
    backward = ManualBackward(traced(source, TENSORS), [])
    places = {name: place for place, name in backward.steps.names.items()}
    assert relation(backward, places["used"], places["due"])[0] == "shifted"
