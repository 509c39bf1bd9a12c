"""Mixtures of two kernels' orders, and textbook orders, by hand."""

import numpy as np
import pytest

from autograd_by_hand.summation.hypothetical_orders import COUNTERFACTUALS, counterfactual, mixed
from autograd_by_hand.summation.tree import Order, Orders, chain, in_turn, summands


def one_order(tree, fused=()):
    flags = np.zeros(len(tree) // 2 + 1, bool)
    flags[list(fused)] = True
    return Orders(np.zeros((1, 1, 1), np.int32), [Order(tree, flags)])


LANES = chain([in_turn([0, 2]), in_turn([1, 3])])


def test_a_mixture_has_one_kernels_tree_and_the_others_fused_products():
    (order,) = mixed(one_order(LANES), one_order(in_turn(range(4)), fused=[2]), terms=4).orders
    assert order.tree.tolist() == LANES.tolist()
    assert order.fused.tolist() == [False, False, True, False]


def test_what_fuses_throughout_does_so_in_another_tree_as_well():
    (order,) = mixed(one_order(LANES), one_order(in_turn(range(4)), fused=[1, 2, 3]), 4).orders
    assert order.fused.tolist() == [False, False, True, True]  # 0 and 1 are where lanes begin


def test_a_mixture_tells_apart_what_either_kernel_does():
    two = Orders(
        np.array([[[0, 1]]], np.int32),
        [Order(in_turn([0, 1]), np.zeros(2, bool)) for _ in range(2)],
    )
    assert mixed(two, one_order(in_turn([0, 1])), 2).which.tolist() == [[[0, 1]]]


@pytest.mark.parametrize("kind", COUNTERFACTUALS)
def test_a_counterfactual_adds_each_summand_once_and_fuses_nothing(kind):
    (order,) = counterfactual(kind, one_order(in_turn(range(37)), fused=range(1, 37))).orders
    assert sorted(summands(order.tree).tolist()) == list(range(37))
    assert not order.fused.any()
    assert order.compensated == (kind == "compensated")


def test_the_shuffle_is_the_same_every_time():
    first, second = (
        counterfactual("shuffled", one_order(in_turn(range(37)))).orders[0].tree for _ in range(2)
    )
    assert first.tolist() == second.tolist()
