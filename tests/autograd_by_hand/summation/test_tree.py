import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.summation.orders_file import orders_read, orders_written
from autograd_by_hand.summation.tree import (
    ADD,
    Order,
    Orders,
    chain,
    fuses_throughout,
    in_turn,
    joined_alone,
    leaf,
    pairwise,
    read,
    renumbered,
    summands,
    summands_under,
    unfused,
    written,
)

LANES = chain([in_turn(range(lane, 64, 4)) for lane in range(4)])
BLOCKS = chain([in_turn(range(at, min(at + 192, 600))) for at in range(0, 600, 192)])


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (leaf(0), "(0)"),
        (in_turn(range(600)), "(0:600)"),
        (in_turn([0, 1]), "(0 1)"),
        (in_turn(range(5, -1, -1)), "(5:-1:-1)"),
        (LANES, "((0:64:4) (1:65:4) (2:66:4) (3:67:4))"),
        (chain([LANES, leaf(64)]), "((0:64:4) (1:65:4) (2:66:4) (3:67:4) 64)"),
        (BLOCKS, "((0:192) (192:384) (384:576) (576:600))"),
        (pairwise(4), "((0 1) (2 3))"),
    ],
)
def test_an_order_has_a_short_notation_that_reads_back(tree, text):
    assert written(tree) == text
    assert np.array_equal(read(text), tree)


@st.composite
def trees(draw):
    """Any binary tree over shuffled summands."""
    parts = [leaf(number) for number in draw(st.permutations(range(draw(st.integers(1, 24)))))]
    while len(parts) > 1:
        at = draw(st.integers(0, len(parts) - 2))
        parts[at : at + 2] = [chain(parts[at : at + 2])]
    return parts[0]


@given(trees())
def test_every_tree_reads_back(tree):
    assert np.array_equal(read(written(tree)), tree)


@pytest.mark.parametrize("text", ["", "(0 1", "0 1)", "(0 0)", "(0 2)", "()", "(0 (1)) (2)"])
def test_what_is_no_order_is_refused(text):
    with pytest.raises(ValueError, match=r"order of a sum|each summand once"):
        read(text)


def test_summands_can_be_renamed():
    tree = renumbered(in_turn([0, 1, 2]), np.array([2, 1, 0], np.int32))
    assert summands(tree).tolist() == [2, 1, 0]


@st.composite
def kernels(draw):
    """The orders of a small kernel: several trees, fused subsets, and which position has which."""
    terms = draw(st.integers(1, 12))
    orders = []
    for _ in range(draw(st.integers(1, 3))):
        parts = [leaf(number) for number in draw(st.permutations(range(terms)))]
        while len(parts) > 1:
            pair = [parts.pop(draw(st.integers(0, len(parts) - 1))) for _ in range(2)]
            parts.append(chain(pair))
        fused = np.array(draw(st.lists(st.booleans(), min_size=terms, max_size=terms)))
        orders.append(Order(parts[0], fused, draw(st.booleans())))
    shape = draw(st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4)))
    count = shape[0] * shape[1] * shape[2]
    numbers = st.lists(st.integers(0, len(orders) - 1), min_size=count, max_size=count)
    return Orders(np.array(draw(numbers), np.int32).reshape(shape), orders)


@given(kernels())
def test_orders_are_read_as_they_were_written(orders):
    read_again = orders_read(json.loads(json.dumps(orders_written(orders))))
    assert read_again.which.tolist() == orders.which.tolist()
    for one, other in zip(read_again.orders, orders.orders, strict=True):
        assert one.tree.tolist() == other.tree.tolist()
        assert one.fused.tolist() == other.fused.tolist()
        assert one.from_zero == other.from_zero


SHARED = {"shape": [1, 2, 3], "which": [(2, [(2, 0), (1, 1)])]}


def test_fused_subsets_a_bias_and_a_start_from_zero_are_written_where_a_reader_finds_them():
    which = np.array([[[0, 0, 1], [0, 0, 1]]], np.int32)
    lanes = chain([in_turn([0, 2]), in_turn([1, 3]), leaf(4)])
    orders = Orders(
        which,
        [
            Order(in_turn([4, 0, 1, 2, 3]), np.array([True, True, True, True, False])),
            Order(lanes, np.array([False, False, True, True, False]), from_zero=True),
        ],
    )
    assert orders_written(orders) == SHARED | {
        "orders": [
            {"tree": "(4 0:4)", "fused": "(0:4)", "from_zero": False},
            {"tree": "((0 2) (1 3) 4)", "fused": "(2 3)", "from_zero": True},
        ]
    }


@pytest.mark.parametrize("tree", ["", "(0 1", "(0 0)", "(1 2)"])
def test_orders_whose_tree_is_none_are_refused(tree):
    plain: Any = SHARED | {"orders": [{"tree": tree, "fused": None, "from_zero": False}]}
    with pytest.raises(ValueError, match=r"order of a sum|each summand once"):
        orders_read(plain)


def test_equal_rows_are_written_once():
    which = np.zeros((1, 600, 64), np.int32)
    which[:, :, 60:] = 1
    orders = Orders(
        which, [Order(in_turn(range(2)), np.array([False, one])) for one in (True, False)]
    )
    written_down = orders_written(orders)
    assert written_down["which"] == [(600, [(60, 0), (4, 1)])]
    assert [one["fused"] for one in written_down["orders"]] == ["(1)", None]


@pytest.mark.parametrize(
    ("tree", "joined"),
    [
        (leaf(0), []),
        (in_turn([2, 1, 0]), [(2, 1, 2, True), (4, 0, 2, False)]),
        (pairwise(4), [(2, 1, 0, True), (5, 3, 2, True)]),
        (
            chain([in_turn([0, 1]), in_turn([2, 3]), leaf(4)]),
            [(2, 1, 0, True), (5, 3, 2, True), (8, 4, 0, False)],
        ),
    ],
)
def test_summands_that_are_added_alone_are_told_with_what_they_are_added_to(tree, joined):
    assert list(joined_alone(tree)) == joined


@given(trees())
def test_where_a_summand_is_added_alone_the_tree_has_it_and_then_an_addition(tree):
    for at, one, other, both in joined_alone(tree):
        assert tree[at - 1 : at + 1].tolist() == [one, ADD]
        assert other != one
        assert both == (tree[at - 2] == other)


@pytest.mark.parametrize(
    ("fused", "throughout"), [([1, 2, 3], True), ([0, 1, 2, 3], True), ([1, 3], False), ([], False)]
)
def test_a_loop_fuses_throughout_if_all_but_its_first_product_are(fused, throughout):
    flags = np.zeros(5, bool)
    flags[fused] = True
    assert fuses_throughout(Order(in_turn(range(5)), flags), terms=4) is throughout


def test_lanes_fuse_throughout_though_the_first_product_of_each_is_rounded():
    lanes = chain([in_turn([0, 2, 4]), in_turn([1, 3, 5])])
    assert fuses_throughout(Order(lanes, np.array([False, False, True, True, True, True])), 6)
    assert not fuses_throughout(Order(lanes, np.array([True, True, True, True, True, False])), 6)


def test_without_fused_products_orders_are_what_they_were():
    plain = Orders(np.zeros((1, 1, 1), np.int32), [Order(in_turn(range(3)), np.zeros(3, bool))])
    assert unfused(plain) is plain
    fused = Orders(plain.which, [Order(in_turn(range(3)), np.array([False, True, True]))])
    assert not unfused(fused).orders[0].fused.any()


def test_without_fused_products_all_else_stays():
    which = np.array([[[1, 0]]], np.int32)
    tree, flags = in_turn([2, 1, 0]), np.array([True, False, False])
    orders = Orders(which, [Order(tree, flags, from_zero=True), Order(tree, ~flags)])
    found = unfused(orders)
    assert found.which is which
    assert [one.tree.tolist() for one in found.orders] == [tree.tolist()] * 2
    assert [one.from_zero for one in found.orders] == [True, False]
    assert orders.orders[0].fused.tolist() == [True, False, False]


@pytest.mark.parametrize(("pair", "count"), [((0, 1), 2), ((0, 2), 6), ((4, 5), 2), ((3, 4), 4)])
def test_summands_under_the_lowest_common_ancestor_are_counted(pair, count):
    tree = chain([in_turn([0, 1]), chain([in_turn([2, 3]), in_turn([4, 5])])])
    assert summands_under(tree, *pair) == summands_under(tree, *pair[::-1]) == count
