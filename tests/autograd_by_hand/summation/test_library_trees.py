import numpy as np
import pytest
import torch

from autograd_by_hand.summation.add import add_in_order
from autograd_by_hand.summation.kernels import Layout, adder
from autograd_by_hand.summation.library_trees import (
    VECTORS,
    known_trees,
    numpy_pairwise,
    torch_cascade,
)
from autograd_by_hand.summation.reveal import reveal
from autograd_by_hand.summation.tree import Order, summands, written

aten = torch.ops.aten
COUNTS = [128, 129, 600, 1023, 5000]


@pytest.mark.parametrize("count", COUNTS)
def test_each_tree_adds_each_summand_once(count):
    for tree in known_trees(count):
        assert sorted(summands(tree).tolist()) == list(range(count))


def test_short_sums_have_none():
    assert list(known_trees(127)) == []


def test_four_rows_of_registers_are_added_side_by_side():
    # ten registers of four: 0 and 4, 1 and 5, 2 and 6, 3 and 7; then 8 and 9 go to the first row
    assert written(torch_cascade(40, 4, halves=False)) == (
        "((0:48:16 36) (4 20) (8 24) (12 28) ((1:49:16 37) (5 21) (9 25) (13 29)) "
        "((2:50:16 38) (6 22) (10 26) (14 30)) ((3:51:16 39) (7 23) (11 27) (15 31)))"
    )


def test_numpys_tree_is_that_of_its_source():
    assert written(numpy_pairwise(20)) == (
        "((0 8) (1 9) ((2 10) (3 11)) ((4 12) (5 13) ((6 14) (7 15))) 16:20)"
    )


@pytest.mark.parametrize("count", COUNTS)
def test_numpys_tree_gives_numpys_bits(count):
    values = np.random.default_rng(0).standard_normal((200, count)).astype(np.float32)
    order = Order(numpy_pairwise(count), np.zeros(count, bool))
    sums = np.array([row.sum() for row in values])
    assert np.array_equal(add_in_order(order, values.T), sums)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_torchs_tree_gives_torchs_bits(dtype):
    values = torch.randn((200, 1023), generator=torch.Generator().manual_seed(0)).to(dtype)
    sums = torch.stack([row.clone().sum() for row in values])
    wide = values.double().numpy() if dtype == torch.float64 else values.float().numpy()
    order = [Order(tree, np.zeros(1023, bool)) for tree in known_trees(1023)]
    added = [torch.from_numpy(add_in_order(one, wide.T)).to(dtype) for one in order]
    assert any(torch.equal(one, sums) for one in added)


def test_a_long_sum_is_told_without_a_call_for_each_summand():
    kernel = adder(aten.sum.default, (Layout.of(torch.empty(20_000)),), {})
    calls = []
    add = kernel.add
    kernel.add = lambda *args: calls.append(1) or add(*args)  # type: ignore[method-assign, func-returns-value]
    (order,) = reveal(kernel, "a sum").orders
    assert any(written(order.tree) == written(torch_cascade(20_000, v, False)) for v in VECTORS)
    assert len(calls) < 200
