"""Replays held against torch's bits: a change of a single bit, summand or place is found."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autograd_by_hand.experiment.vjp import Forward
from autograd_by_hand.replay.compare import replay_sample
from autograd_by_hand.replay.program import given_to, names_of_sums, taken_as_given
from autograd_by_hand.replay.record import observe_autograd
from autograd_by_hand.summation.kernels import adder_of
from autograd_by_hand.summation.reveal import reveal
from autograd_by_hand.summation.tree import ADD, Order, Orders, in_turn, renumbered
from tests.conftest import first_of

SHAPES = {"x": (2, 64), "W": (600, 64), "b": (600,), "target": (2, 600)}
SEEDS = range(20)


def lab(x, W, b, target):
    y = torch.nn.functional.linear(x, W, b)
    return 0.5 * ((y - target) ** 2).sum()


class Lab:
    """The lab in one format, its orders, and what torch makes of each seed."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.inputs = {
            name: torch.stack([self._draw(seed)[name] for seed in SEEDS]).numpy() for name in SHAPES
        }
        made = []
        for seed in SEEDS:
            forward = Forward(lab, Path("forward.py"), ["x", "W", "b"], getattr(torch, dtype), 60)
            drawn = self._draw(seed)
            seen, self.program, outputs = observe_autograd(forward, drawn, {"dout": torch.ones(())})
            made.append(outputs)
        self.archived = {name: np.stack([one[name].numpy() for one in made]) for name in made[0]}
        self.orders: list[Any] = [reveal(adder_of(one), one["op"]) for one in seen.sums]

    def _draw(self, seed):
        generator = torch.Generator().manual_seed(seed)
        return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}

    def replay(self, orders=None, inputs=None, archived=None):
        return replay_sample(
            self.program, orders or self.orders, inputs or self.inputs,
            archived or self.archived, {}, self.dtype,
        )  # fmt: skip

    def seeds_missed(self, name, orders=None, inputs=None):
        """For how many seeds an element of `name` is missed."""
        missed = 0
        for seed in SEEDS:
            one = {key: value[seed : seed + 1] for key, value in (inputs or self.inputs).items()}
            bits = {key: value[seed : seed + 1] for key, value in self.archived.items()}
            found = self.replay(orders, one, bits)[name]
            missed += found["identical"] < found["elements"]
        return missed

    def with_order(self, name, change):
        """The orders, those of the sum behind `name` changed."""
        number = dict(names_of_sums(self.program))[name]
        changed = list(self.orders)
        own = self.orders[number]
        changed[number] = Orders(own.which, [change(one) for one in own.orders])
        return changed


def swapped(order):
    """Summands 5 and 41 in each other's places; products are fused where they were."""
    numbers = np.arange(len(order.fused), dtype=np.int32)
    numbers[[5, 41]] = numbers[[41, 5]]
    return replace(order, tree=renumbered(order.tree, numbers), fused=order.fused[numbers])


def without(order, dropped):
    """The order in which all summands but one are added."""
    stack: list[list[int]] = []
    for step in order.tree.tolist():
        if step != ADD:
            stack.append([] if step == dropped else [step])
            continue
        second, first = stack.pop(), stack.pop()
        stack.append([*first, *second, ADD] if first and second else first or second)
    return replace(order, tree=np.array(stack.pop(), np.int32))


def test_an_order_without_a_summand_has_all_others():
    order = Order(in_turn([0, 1, 2]), np.zeros(3, bool))
    assert without(order, 0).tree.tolist() == [1, 2, ADD]
    assert without(order, 1).tree.tolist() == [0, 2, ADD]
    assert without(order, 2).tree.tolist() == [0, 1, ADD]


@pytest.fixture(scope="module", params=["float32", "float64"])
def layer(request):
    return Lab(request.param)


def test_every_bit_is_met(layer):
    found = layer.replay()
    assert list(found) == ["y", "loss", "dx", "dW", "db"]
    assert found["dW"]["elements"] == 20 * 600 * 64
    assert all(one["identical"] == one["elements"] for one in found.values())


def test_one_element_that_is_one_ulp_off_is_found_for_each_seed(layer):
    generator = np.random.default_rng(0)
    for seed in SEEDS:
        wrong, places = {}, {}
        for name, values in layer.archived.items():
            wrong[name] = values.copy()
            places[name] = (seed, *(int(generator.integers(size)) for size in values.shape[1:]))
            wrong[name][places[name]] = np.nextafter(wrong[name][places[name]], np.inf)
        for name, one in layer.replay(archived=wrong).items():
            assert one["identical"] == one["elements"] - 1
            assert (one["first"]["run"], *one["first"]["index"]) == places[name]


@pytest.mark.parametrize("name", first_of(["dx", "y"]))
def test_two_summands_that_change_places_are_found_for_each_seed(layer, name):
    assert layer.seeds_missed(name, orders=layer.with_order(name, swapped)) == 20


@pytest.mark.parametrize("name", first_of(["loss", "dx", "y"]))
def test_a_summand_that_is_not_added_is_found_for_each_seed(layer, name):
    orders = layer.with_order(name, lambda order: without(order, 17))
    assert layer.seeds_missed(name, orders=orders) == 20


def test_an_operand_that_is_zero_is_found_for_each_seed(layer):
    zero = layer.inputs["W"].copy()
    zero[:, :, 17] = 0  # y adds 63 products then
    assert layer.seeds_missed("y", inputs=layer.inputs | {"W": zero}) == 20


def test_what_is_changed_in_a_gradient_alone_leaves_all_else_as_it_was(layer):
    found = layer.replay(orders=layer.with_order("dx", swapped))
    missed = {name for name, one in found.items() if one["first"] is not None}
    assert missed == {"dx"}


def test_products_that_are_rounded_where_they_were_not_are_found_for_each_seed(layer):
    orders = layer.with_order("dx", lambda order: replace(order, fused=~order.fused))
    assert layer.seeds_missed("dx", orders=orders) == 20


def test_a_sum_without_an_order_is_taken_as_archived(layer):
    number = dict(names_of_sums(layer.program))["y"]
    orders = [None if at == number else order for at, order in enumerate(layer.orders)]
    assert taken_as_given(layer.program, orders) == {"addmm": 1}
    found = layer.replay(orders=orders)
    assert all(one["identical"] == one["elements"] for one in found.values())


def test_a_sum_has_the_name_of_what_it_makes_or_leads_to(layer):
    assert [name for name, _ in names_of_sums(layer.program)] == ["y", "loss", "dx", "dW", "db"]


def call(op, *args, result, **rest):
    given = [{"value": number} for number in args]
    return {"op": f"aten.{op}", "args": given, "kwargs": {}, "result": result, **rest}


def test_a_sum_whose_result_has_no_name_is_called_after_what_it_leads_to():
    program: Any = {
        "calls": [
            call("mm.default", 0, 1, result=2, sum=0),
            call("relu.default", 2, result=3),
            call("mm.default", 3, 1, result=4, sum=1),
            call("neg.default", 4, result=5),
            call("mm.default", 0, 0, result=6, sum=2),
        ],
        "outputs": {"y": 5},
    }
    assert names_of_sums(program) == [("towards y", 0), ("y", 1), ("mm", 2)]


def test_what_a_program_takes_as_given_is_found_by_its_name():
    arrays = {"autograd.3.7": np.ones(2), "autograd.-1.2": np.zeros(2), "hand.3.7": np.ones(3)}
    found = given_to("autograd", arrays)
    assert set(found) == {(3, 7), (-1, 2)}
    assert found[3, 7] is arrays["autograd.3.7"]


def test_what_is_taken_as_given_is_counted_by_operation():
    program: Any = {
        "calls": [
            {"op": "aten.exp.default", "given": True},
            {"op": "aten.exp.default", "given": True},
            {"op": "aten.mm.default", "sum": 0},
            {"op": "aten.mm.default", "sum": 1},
            {"op": "aten.add.Tensor"},
        ]
    }
    order = Orders(np.zeros((1, 1, 1), np.int32), [])
    assert taken_as_given(program, [None, order]) == {"exp": 2, "mm": 1}
