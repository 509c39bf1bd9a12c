"""The results and operands of one expression of a backward, in all iterations of a loop."""

import pytest
import torch

from autograd_by_hand.diagnosis.backward_sites import ManualBackward, fingerprint, orders
from autograd_by_hand.diagnosis.layouts import fits
from tests.autograd_by_hand.diagnosis.backwards import drawn, traced

LOOP = """
def backward(x, dout):
    dx = torch.zeros_like(x)
    for i in range(4):
        dx[i] = 2 * x[i].exp() * dout[i]
    return {"x": dx}
"""
TENSORS = drawn(x=(4, 3), dout=(4, 3))


def backward_of(source, right=()):
    return ManualBackward(traced(source, TENSORS), [*right])


def test_the_iterations_of_a_loop_are_one_group():
    sizes = {group.first.name: len(group.steps) for group in backward_of(LOOP).groups}
    assert sizes["exp"] == 4
    assert sizes["copy"] == 4


def test_calls_of_a_function_are_groups_apart_and_one_together():
    source = """
def cube(z):
    return z**3


def backward(x, dout):
    return {"x": cube(x) + cube(dout)}
"""
    sizes = [len(one.steps) for one in backward_of(source).groups if one.first.name == "pow"]
    assert sorted(sizes) == [1, 1, 2]


def test_operands_are_looked_for_one_by_one(monkeypatch):
    one, executed = backward_of(LOOP), []
    again = one.trace.again

    def counted(makes):
        executed.append(makes)
        return again(makes)

    monkeypatch.setattr(one.trace, "again", counted)
    first = next(iter(one.operands))
    for_one = len(executed)
    every = [*one.operands]
    assert every[0] is first
    for_all = len(executed)
    assert for_one < for_all
    assert [*map(id, one.operands)] == [*map(id, every)]
    assert len(executed) == for_all


def test_fingerprints_of_complex_numbers_tell_them_from_their_conjugates():
    value = torch.complex(TENSORS["x"], TENSORS["dout"])
    assert fingerprint(value) == fingerprint(value * (1 + 1e-14))
    assert fingerprint(value) != fingerprint(value.conj())


def test_groups_that_a_right_gradient_depends_on_come_last():
    source = "def backward(x, dout):\n    y = 2 * x\n    return {'x': y * dout, 'w': y}\n"
    one = ManualBackward(traced(source, TENSORS, ["x", "w"]), ["w"])
    assert [group.number for group in one.groups] == [1, 0]


def test_a_value_that_occurs_twice_stands_once_among_the_values():
    one = backward_of(
        "def backward(x, dout):\n    y = 2 * x\n    z = x + x\n    return {'x': y * z}\n"
    )
    assert sorted(one.describe(place) for place in one.values) == ["(y * z)", "dout", "x", "y"]


def test_what_is_only_compared_is_no_operand():
    one = backward_of("def backward(x, dout):\n    y = x.exp()\n    return {'x': dout * (y > 1)}\n")
    assert [operand.description for operand in one.operands] == ["dout", "(dout * gt(y))"]


def test_what_an_operand_becomes_is_used():
    one = backward_of(LOOP)
    doubled = next(operand for operand in one.operands if operand.description == "exp(select(x))")
    twice = one.trace.again(doubled.makes(lambda _, value, __: 2 * value))
    by_iteration = one.trace.again(doubled.makes(lambda _, value, iteration: iteration * value))
    once = one.trace.again({})
    torch.testing.assert_close(twice["x"], 2 * once["x"])
    torch.testing.assert_close(by_iteration["x"], torch.arange(4)[:, None] * once["x"])


def test_what_depends_on_a_group_is_below_it_and_what_it_is_made_of_above():
    one = backward_of(
        "def backward(x, dout):\n    y = 2 * x\n    z = y * dout\n    return {'x': z}\n"
    )
    places = {name: place for place, name in one.steps.names.items()}
    assert one.below(one.groups[0]) == {places["y"], places["z"]}
    assert one.above(places["z"]) == {places["x"], places["dout"], places["y"]}
    assert one.flowing == {places["dout"], places["z"]}


def test_the_orders_of_a_loops_values():
    found = {*orders([1, 2, 3], 3, [9])}
    assert found == {(1, 2, 3), (3, 2, 1), (2, 3, 9), (9, 1, 2), (2, 1, 9), (9, 3, 2)}


@pytest.mark.parametrize(
    ("shape", "due", "fit"),
    [
        ((3,), (4, 3), True),
        ((4, 1), (4, 3), True),
        ((4,), (4, 3), False),
        ((1, 4, 3), (4, 3), False),
    ],
)
def test_fits_is_broadcasting(shape, due, fit):
    assert fits(torch.Size(shape), torch.Size(due)) == fit


def test_a_fingerprint_overlooks_rounding_and_nothing_else():
    x = TENSORS["x"]
    assert fingerprint(x) == fingerprint(x * (1 + 1e-15))
    assert fingerprint(x) != fingerprint(x * (1 + 1e-6))
    assert fingerprint(x) != fingerprint(x.flip(0))
    assert fingerprint(x) != fingerprint(x.reshape(3, 4))
