"""Hypothetical orders, which no kernel need have: mixtures of two, and textbook orders."""

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.summation.tree import (
    Order,
    Orders,
    Tree,
    everywhere,
    fuses_throughout,
    in_turn,
    joined_alone,
    pairwise,
)

COUNTERFACTUALS = ("in turn", "reversed", "shuffled", "pairwise", "compensated")
SEED = 0  # of the shuffled order


def mixed(order_from: Orders, fma_from: Orders, terms: int) -> Orders:
    """Combine one kernel's summation orders with another's fused products.

    terms: how many of the summands are products
    """
    others = len(fma_from.orders)
    if others == len(order_from.orders) == 1:
        return everywhere(
            _mixed(order_from.orders[0], fma_from.orders[0], terms), order_from.which.shape
        )
    pairs, which = np.unique(order_from.which * others + fma_from.which, return_inverse=True)
    orders = [
        _mixed(order_from.orders[pair // others], fma_from.orders[pair % others], terms)
        for pair in pairs.tolist()
    ]
    return Orders(which.reshape(order_from.which.shape).astype(np.int32), orders)


def _mixed(tree: Order, other: Order, terms: int) -> Order:
    fused = other.fused
    if fused.any() and fuses_throughout(other, terms):
        fused = np.arange(len(fused)) < terms
    return Order(tree.tree, fused & _added_singly(tree.tree), tree.from_zero)


def _added_singly(tree: Tree) -> NDArray[np.bool_]:
    """Return which summands are added singly to a sum; only their products can be fused."""
    singly = np.zeros(len(tree) // 2 + 1, bool)
    singly[[summand for _, summand, _, _ in joined_alone(tree)]] = True
    return singly


def counterfactual(kind: str, orders: Orders) -> Orders:
    """Return orders that add as `kind` names, at every position, with no product fused.

    kind: one of COUNTERFACTUALS
    orders: of the kernel, for its positions and its number of summands
    """
    count = len(orders.orders[0].fused)
    generator = np.random.default_rng(SEED)
    trees = {
        "in turn": lambda: in_turn(range(count)),
        "reversed": lambda: in_turn(range(count - 1, -1, -1)),
        "shuffled": lambda: in_turn(generator.permutation(count)),
        "pairwise": lambda: pairwise(count),
        "compensated": lambda: in_turn(range(count)),
    }
    order = Order(trees[kind](), np.zeros(count, bool), compensated=kind == "compensated")
    return everywhere(order, orders.which.shape)
