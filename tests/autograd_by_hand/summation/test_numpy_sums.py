from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import linear

from autograd_by_hand.summation import numpy_sums
from autograd_by_hand.summation.numpy_sums import NumpySums

M23 = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
M34 = torch.arange(12.0).reshape(3, 4)
M43 = M34.T.contiguous()
V3, V4 = torch.tensor([1.0, -1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])
B = torch.stack([M23, 2 * M23])
B34 = torch.stack([M34, M34 + 1])
OPERATIONS = {
    "mm": (lambda: M23 @ M34, {"mm": 1}),
    "mm of a transpose": (lambda: M23 @ M43.T, {"mm": 1}),
    "mv": (lambda: M23 @ V3, {"mv": 1}),
    "dot": (lambda: V3 @ V3, {"dot": 1}),
    "bmm": (lambda: torch.bmm(B, B34), {"bmm": 1}),
    "matmul over a batch": (lambda: B @ B34, {"bmm": 1}),
    "einsum": (lambda: torch.einsum("nij,njk->nik", B, B34), {"bmm": 1}),
    "linear with a bias": (lambda: linear(M23, M43, V4), {"addmm": 1}),
    "linear without a bias": (lambda: linear(M23, M43), {"mm": 1}),
    "addmm with factors": (
        lambda: torch.addmm(M34[:2], M23, M34, beta=2, alpha=0.5),
        {"addmm": 1},
    ),
    "baddbmm": (lambda: torch.baddbmm(B34[:, :2], B, B34), {"baddbmm": 1}),
    "addmv": (lambda: torch.addmv(V3, M34, V4), {"addmv": 1}),
    "sum": (M34.sum, {"sum": 1}),
    "sum over rows": (lambda: M34.sum(dim=0), {"sum": 1}),
    "sum over the last axis, kept": (lambda: B34.sum(dim=-1, keepdim=True), {"sum": 1}),
    "sum over two axes": (lambda: B34.sum(dim=(0, 2)), {"sum": 1}),
    "sum over the axis of a number": (lambda: V3[0].sum(dim=0), {"sum": 1}),
    "mean over the axis of a number": (lambda: V3[0].mean(dim=-1), {"mean": 1}),
    "mean": (M34.mean, {"mean": 1}),
    "mean over columns": (lambda: M34.mean(dim=1), {"mean": 1}),
    "two of them": (lambda: (M23 @ M34).sum(dim=0) + (M23 @ M34).sum(), {"mm": 2, "sum": 2}),
}


@pytest.mark.parametrize(("operation", "counts"), OPERATIONS.values(), ids=OPERATIONS)
def test_products_and_sums_are_handed_over_and_counted(operation, counts):
    sums = NumpySums()
    with sums:
        operation()
    assert sums.handed_over == counts


@pytest.mark.parametrize(("operation", "_counts"), OPERATIONS.values(), ids=OPERATIONS)
def test_on_small_whole_numbers_numpys_sums_are_exactly_torchs(operation, _counts):
    with NumpySums():
        ours = operation()
    theirs = operation()
    assert ours.dtype == theirs.dtype
    assert torch.equal(ours, theirs)


def test_what_numpy_answers_is_what_the_code_gets(monkeypatch):
    def sevens(_first, _second):
        return np.full((2, 4), 7, np.float32)

    monkeypatch.setitem(numpy_sums._REPLACEMENTS, torch.ops.aten.mm.default, sevens)
    with NumpySums():
        assert (M23 @ M34).tolist() == [[7] * 4] * 2


@given(
    st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
    st.randoms(use_true_random=False),
)
def test_whole_number_matrices_of_any_shape_multiply_exactly_as_in_torch(dtype, shape, random):
    rows, inner, columns = shape  # |sum| <= 5 * 6 * 6 < 256, exact in every format

    def matrix(height, width):
        values = [[random.randint(-6, 6) for _ in range(width)] for _ in range(height)]
        return torch.tensor(values, dtype=dtype)

    first, second, bias = matrix(rows, inner), matrix(columns, inner), matrix(1, columns)[0]
    with NumpySums():
        ours = linear(first, second, bias), first @ second.T, first.sum(), first.sum(dim=0)
    theirs = linear(first, second, bias), first @ second.T, first.sum(), first.sum(dim=0)
    assert all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize(
    ("dtype", "even"), [(torch.float16, 2048), (torch.bfloat16, 256)], ids=["float16", "bfloat16"]
)
def test_short_formats_are_summed_in_float32_and_rounded_once(dtype, even):
    # one by one, even + 1 is a tie and rounds back to even: the two ones would be lost
    with NumpySums():
        assert torch.tensor([even, 1, 1], dtype=dtype).sum().item() == even + 2


@pytest.mark.parametrize(
    ("dtype", "even"), [(torch.float16, 2048), (torch.bfloat16, 256)], ids=["float16", "bfloat16"]
)
def test_a_short_product_is_not_rounded_before_the_bias_is_added(dtype, even):
    first = torch.tensor([[even, 1.0]], dtype=dtype)
    second = torch.ones(1, 2, dtype=dtype)  # even + 1, the product, is no number of the format
    with NumpySums():
        assert linear(first, second, torch.ones(1, dtype=dtype)).item() == even + 2


def test_a_mean_in_float16_does_not_overflow_on_the_way():
    with NumpySums():
        assert torch.full((4,), 60000.0, dtype=torch.float16).mean().item() == 60000


def test_whole_number_tensors_are_left_to_torch():
    sums, value = NumpySums(), torch.tensor([[2**53 + 1, 1]])
    with sums:
        total = value.sum()
        product = value @ value.T
    assert (total.dtype, total.item()) == (torch.int64, 2**53 + 2)
    assert product.dtype == torch.int64
    assert sums.handed_over == Counter()


def test_a_sum_that_asks_for_another_precision_is_left_to_torch():
    sums = NumpySums()
    with sums:
        total = torch.tensor([2**24, 1.0], dtype=torch.float32).sum(dtype=torch.float64)
    assert (total.dtype, total.item()) == (torch.float64, 2**24 + 1)
    assert sums.handed_over == Counter()


def test_everything_else_is_left_to_torch():
    sums = NumpySums()
    with sums:
        _ = torch.exp(M23) * 2 - M23.T.T
    assert sums.handed_over == Counter()


def test_outside_the_block_nothing_is_handed_over():
    sums = NumpySums()
    with sums:
        pass
    _ = M23 @ M34
    assert sums.handed_over == Counter()


def test_counts_go_on_over_several_blocks():
    sums = NumpySums()
    for _ in range(3):
        with sums:
            _ = M23 @ M34
    assert sums.handed_over == {"mm": 3}


def test_a_bias_that_is_left_out_by_beta_zero_does_not_spread_its_nan():
    with NumpySums():
        product = torch.addmm(torch.full((4,), torch.nan), M23, M34, beta=0)
    assert torch.equal(product, M23 @ M34)


def test_an_overflow_is_infinite_and_not_a_warning():
    with NumpySums():
        product = torch.full((1, 2), 1e30) @ torch.full((2, 1), 1e30)
    assert product.item() == torch.inf


def test_autograd_works_above_numpys_sums():
    x = M23.clone().requires_grad_()
    with NumpySums():
        (x @ M34).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [M34.sum(dim=1).tolist()] * 2


def test_operands_are_not_changed():
    first, second = M23.clone(), M34.clone()
    with NumpySums():
        torch.addmm(M34[:2], first, second, beta=2, alpha=3)
    assert torch.equal(first, M23)
    assert torch.equal(second, M34)
