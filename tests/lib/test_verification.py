"""Replays held against torch's bits: a change of a single bit, summand or place is found."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scripts.lib.adders import adder_of
from scripts.lib.observe import observe_autograd
from scripts.lib.order import Order, Orders, renumbered
from scripts.lib.reveal import reveal
from scripts.lib.verification import names_of_sums, replay_sample, taken_as_given

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
            seen, self.program, outputs = observe_autograd(
                lab, Path("forward.py"), self._draw(seed), ["x", "W", "b"],
                getattr(torch, dtype), torch.ones(()), 60,
            )  # fmt: skip
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

    def with_tree(self, name, change):
        """The orders, the tree of the sum behind `name` changed."""
        number = dict(names_of_sums(self.program))[name]
        changed = list(self.orders)
        own = self.orders[number]
        changed[number] = Orders(
            own.which, [Order(change(one.tree), one.fused, one.from_zero) for one in own.orders]
        )
        return changed


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


@pytest.mark.parametrize("name", ["dx", "y"])
def test_two_summands_that_change_places_are_found_for_each_seed(layer, name):
    def swap(tree):
        numbers = np.arange(len(tree) // 2 + 1, dtype=np.int32)
        numbers[[5, 41]] = numbers[[41, 5]]
        return renumbered(tree, numbers)

    assert layer.seeds_missed(name, orders=layer.with_tree(name, swap)) == 20


def test_a_summand_that_is_dropped_is_found_for_each_seed(layer):
    dropped = layer.inputs["W"].copy()
    dropped[:, :, 17] = 0  # y adds 63 products then
    assert layer.seeds_missed("y", inputs=layer.inputs | {"W": dropped}) == 20


def test_a_sum_has_the_name_of_what_it_makes_or_leads_to(layer):
    assert [name for name, _ in names_of_sums(layer.program)] == ["y", "loss", "dx", "dW", "db"]


def test_what_is_taken_as_given_is_counted_by_operation():
    program = {
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
