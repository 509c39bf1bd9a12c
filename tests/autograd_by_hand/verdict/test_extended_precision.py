from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.verdict.extended_precision import (
    NoWideOperation,
    Wide,
    is_wider_than_float64,
    split,
    widen,
)

FLOAT64 = torch.float64
EPS = Fraction(float(np.finfo(np.longdouble).eps))
NUMBERS = st.floats(-1e3, 1e3, allow_subnormal=False)
wider = pytest.mark.skipif(not is_wider_than_float64(), reason="longdouble is a double here")


def tensor(values: object) -> Tensor:
    return torch.tensor(values, dtype=FLOAT64)


def exact(value: Tensor) -> list[Fraction]:
    """The elements of a `Wide` tensor as the numbers that they are."""
    assert isinstance(value, Wide)
    return [Fraction(*element.as_integer_ratio()) for element in value.array.ravel()]


def as_float64(value: Tensor) -> Tensor:
    return split(value)[0]


# there and back


def test_widening_and_splitting_again_changes_nothing():
    value = tensor([[0.1, -2.0], [1e300, 5e-324]])
    head, tail = split(widen(value))
    assert torch.equal(head, value)
    assert torch.equal(tail, torch.zeros(2, 2, dtype=FLOAT64))


def test_a_wide_tensor_looks_like_float64_to_torch():
    wide = widen(tensor([[1.0, 2.0, 3.0]]))
    assert isinstance(wide, Wide)
    assert (wide.dtype, tuple(wide.shape)) == (FLOAT64, (1, 3))


def test_whole_numbers_are_not_widened():
    value = torch.tensor([1, 2])
    assert widen(value) is value


@wider
def test_the_tail_is_what_float64_has_no_bits_for():
    one = widen(tensor([1.0]))
    head, tail = split(one + widen(tensor([2.0**-60])))
    assert (head.tolist(), tail.tolist()) == ([1.0], [2.0**-60])


@wider
@given(NUMBERS, st.floats(0.5, 1), st.sampled_from([1, -1]))
def test_head_and_tail_add_up_and_the_head_is_the_nearest_float64(large, share, sign):
    small = np.ldexp(sign * share * large, -54)
    array = np.array([np.longdouble(large) + np.longdouble(small)])
    head, tail = (part.numpy() for part in split(Wide(array)))
    assert head.astype(np.longdouble) + tail == array
    assert abs(tail[0]) <= np.spacing(abs(head[0])) / 2


def test_a_plain_tensor_has_no_tail():
    head, tail = split(tensor([0.1]))
    assert (head.tolist(), tail.tolist()) == ([0.1], [0.0])


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinity_has_no_tail(value):
    head, tail = split(widen(tensor([value])))
    assert (head.tolist(), tail.tolist()) == ([value], [0.0])


@wider
def test_what_is_beyond_float64_is_an_infinite_head():
    head, tail = split(widen(tensor([1e308])) * 10)
    assert (head.tolist(), tail.tolist()) == ([np.inf], [0.0])


def test_it_says_what_it_holds():
    assert repr(widen(tensor([1.5]))) == "Wide([1.5])"


@wider
def test_a_longdouble_that_is_wider_tells_one_from_one_and_half_an_eps():
    assert exact(widen(tensor([1.0])) + 2.0**-53) == [1 + Fraction(1, 2**53)]


# against exact fractions


@wider
def test_a_sum_keeps_what_float64_loses():
    value = [1e16, 1.0, -1e16]
    assert exact(widen(tensor(value)).sum()) == [1]
    assert tensor(value).sum().item() == 0


@wider
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8))
def test_a_product_of_matrices_is_within_wide_rounding_of_the_exact_one(pairs):
    first, second = (list(column) for column in zip(*pairs, strict=True))
    terms = [Fraction(a) * Fraction(b) for a, b in pairs]
    bound = 2 * len(terms) * EPS * sum(map(abs, terms))
    (found,) = exact(widen(tensor([first])) @ widen(tensor([second])).T)
    assert abs(found - sum(terms)) <= bound


FORMULAS = {  # over fractions, and over a tensor [a, b]
    "a product of matrices": (lambda a, b: a * a + b * b, lambda x: x[None] @ x[:, None]),
    "a power": (lambda a, b: a**3 + b**3, lambda x: (x**3).sum()),
    "a negative power": (lambda a, b: a**-2 + b**-2, lambda x: (x**-2).sum()),
    "a mean": (lambda a, b: (a + b) / 2, lambda x: (x * x / x).mean()),
    "a squared difference": (
        lambda a, b: (a - 3 * b) ** 2 / 2,
        lambda x: 0.5 * torch.sub(x[0], x[1], alpha=3) ** 2,
    ),
    "a quotient": (lambda a, b: a / b, lambda x: x[0] / x[1]),
    "a reciprocal": (lambda a, _: 1 / a, lambda x: x[0].reciprocal()),
}


@wider
@pytest.mark.parametrize(("over_fractions", "in_torch"), FORMULAS.values(), ids=FORMULAS)
def test_a_formula_is_closer_to_its_exact_value_than_in_float64(over_fractions, in_torch):
    a, b = 0.1, 0.7
    true = over_fractions(Fraction(a), Fraction(b))
    (wide,) = exact(in_torch(widen(tensor([a, b]))))
    narrow = Fraction(in_torch(tensor([a, b])).item())
    assert abs(wide - true) < abs(narrow - true)
    assert abs(wide - true) <= 16 * EPS * abs(true)


FUNCTIONS = {  # of a decimal, and of a tensor
    "exp": (lambda x: x.exp(), torch.exp),
    "log": (lambda x: x.ln(), torch.log),
    "sqrt": (lambda x: x.sqrt(), torch.sqrt),
    "rsqrt": (lambda x: 1 / x.sqrt(), torch.rsqrt),
    "expm1": (lambda x: x.exp() - 1, torch.expm1),
    "log1p": (lambda x: (1 + x).ln(), torch.log1p),
    "tanh": (lambda x: 1 - 2 / ((2 * x).exp() + 1), torch.tanh),
    "sigmoid": (lambda x: 1 / (1 + (-x).exp()), torch.sigmoid),
    "a root by pow": (lambda x: x.sqrt(), lambda x: x**0.5),
}
DERIVATIVES = {
    "exp": (lambda x: x.exp(), torch.exp),
    "log": (lambda x: 1 / x, torch.log),
    "sqrt": (lambda x: 1 / (2 * x.sqrt()), torch.sqrt),
    "tanh": (lambda x: 4 * (2 * x).exp() / ((2 * x).exp() + 1) ** 2, torch.tanh),
    "sigmoid": (lambda x: x.exp() / (1 + x.exp()) ** 2, torch.sigmoid),
    "pow": (lambda x: 3 * x * x, lambda x: x**3),
}
POINTS = [0.1, 0.3, 0.7, 1.1, 2.3]


def worst(found: list[Fraction], true: list[Decimal]) -> Fraction:
    """The greatest relative difference."""
    return max(abs(a / Fraction(b) - 1) for a, b in zip(found, true, strict=True))


@wider
@pytest.mark.parametrize(("of_decimals", "in_torch"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_has_more_digits_than_float64(of_decimals, in_torch):
    with localcontext(prec=50):
        true = [of_decimals(Decimal(point)) for point in POINTS]
    wide = worst(exact(in_torch(widen(tensor(POINTS)))), true)
    narrow = worst([Fraction(value) for value in in_torch(tensor(POINTS)).tolist()], true)
    assert wide <= 16 * EPS < narrow


@wider
@pytest.mark.parametrize(("of_decimals", "in_torch"), DERIVATIVES.values(), ids=DERIVATIVES)
def test_autograd_through_a_function_has_more_digits_than_float64(of_decimals, in_torch):
    with localcontext(prec=50):
        true = [of_decimals(Decimal(point)) for point in POINTS]
    leaf = widen(tensor(POINTS)).requires_grad_()
    in_torch(leaf).sum().backward()
    assert leaf.grad is not None
    assert worst(exact(leaf.grad), true) <= 32 * EPS


@wider
def test_a_softmax_and_its_logarithm_have_more_digits_than_float64():
    with localcontext(prec=50):
        raised = [Decimal(point).exp() for point in POINTS]
        true = [one / sum(raised) for one in raised]
        logarithms = [one.ln() for one in true]
    x = widen(tensor([POINTS]))
    assert worst(exact(torch.softmax(x, dim=1)), true) <= 16 * EPS
    assert worst(exact(torch.log_softmax(x, dim=1)), logarithms) <= 16 * EPS


# against float64, where more digits do not matter but axes, factors and signs do

X = torch.tensor([[0.3, 1.7, 0.9, 2.2], [1.1, 0.4, 2.6, 0.8], [0.6, 1.3, 0.2, 1.9]], dtype=FLOAT64)
CLASSES = torch.tensor([0, 3, 1])
DIFFERENTIABLE = {
    "matmul": lambda x: x @ x.T,
    "matmul by a transpose": lambda x: x.T @ (2 * x),
    "a product of batches": lambda x: torch.bmm(x[None], x.T[None]),
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "mv": lambda x: x @ x.sum(dim=0),
    "dot": lambda x: x.sum(dim=0) @ x.mean(dim=0),
    "linear": lambda x: torch.nn.functional.linear(x, x, x.sum(dim=1)),
    "addmm with factors": lambda x: torch.addmm(x.sum(dim=1), x, x.T, beta=3, alpha=0.5),
    "baddbmm": lambda x: torch.baddbmm(x[None], (x @ x.T)[None], x[None]),
    "addmv": lambda x: torch.addmv(x.sum(dim=1), x, x.sum(dim=0)),
    "sum": lambda x: (x * x).sum(),
    "sum over rows": lambda x: (x * x).sum(dim=0),
    "sum over the last axis, kept": lambda x: x / x.sum(dim=-1, keepdim=True),
    "sum over two axes": lambda x: (x[None] * x[None]).sum(dim=(0, 2)),
    "mean": lambda x: (x * x).mean(),
    "mean over columns": lambda x: (x * x).mean(dim=1),
    "add with a factor": lambda x: torch.add(x, x * x, alpha=3),
    "subtract with a factor": lambda x: torch.sub(x, x * x, alpha=3),
    "a number minus": lambda x: 1 - x,
    "minus a number": lambda x: x - 1,
    "a number plus": lambda x: 1 + x,
    "a number over": lambda x: 2 / x,
    "over a number": lambda x: x / 2,
    "negative": lambda x: -x,
    "abs": lambda x: (x - 1).abs(),
    "relu": lambda x: torch.relu(x - 1),
    "exp": torch.exp,
    "log": torch.log,
    "log1p": torch.log1p,
    "expm1": torch.expm1,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "sin": torch.sin,
    "cos": torch.cos,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "a root by pow": lambda x: x**1.5,
    "softmax over columns": lambda x: torch.softmax(x, dim=0),
    "softmax over rows": lambda x: torch.softmax(x, dim=-1),
    "log_softmax over columns": lambda x: torch.log_softmax(x, dim=0),
    "log_softmax over rows": lambda x: torch.log_softmax(x, dim=-1),
    "permute": lambda x: x.permute(1, 0) * x.sum(),
    "transpose": lambda x: x.transpose(0, 1) * x.sum(),
    "view": lambda x: x.view(4, 3) @ x,
    "reshape": lambda x: x.reshape(-1) * 2,
    "unsqueeze": lambda x: x.unsqueeze(1) * x,
    "squeeze": lambda x: x.unsqueeze(0).squeeze(0) * 2,
    "expand": lambda x: x[:, :, None].expand(-1, -1, 5) * 2,
    "expand with a new axis": lambda x: x.expand(2, -1, 4) * 2,
    "sum over the axis of a number": lambda x: x.sum().sum(dim=0),
    "softmax of large numbers": lambda x: torch.softmax(20000 * x, dim=1) * x,
    "log_softmax of large numbers": lambda x: torch.log_softmax(20000 * x, dim=1),
    "mean cross-entropy": lambda x: cross_entropy(x, CLASSES),
    "summed cross-entropy": lambda x: cross_entropy(x, CLASSES, reduction="sum"),
    "cross-entropy per row": lambda x: cross_entropy(x, CLASSES, reduction="none"),
    "cross-entropy with a row left out": lambda x: cross_entropy(x, CLASSES, ignore_index=3),
    "broadcasting": lambda x: x * x.sum(dim=0),
    "cat": lambda x: torch.cat([x, 2 * x], dim=1),
    "stack": lambda x: torch.stack([x, 2 * x], dim=1),
    "in place": lambda x: (x * 2).add_(x),
    "whole numbers beside it": lambda x: x * torch.arange(4),
}
FORWARD_ONLY = {
    "select": lambda x: x[1],
    "select from the end": lambda x: x[:, -1],
    "slice": lambda x: x[:, 1:3],
    "slice from the start": lambda x: x[:2],
    "slice with a step": lambda x: x[:, ::2],
    "gather": lambda x: x.gather(1, torch.tensor([[0], [3], [1]])),
    "gather of a part": lambda x: x.gather(1, torch.tensor([[3], [1]])),
    "gather from a single number": lambda x: x.sum().gather(0, torch.tensor([0, 0])),
    "gather down the columns": lambda x: x.gather(-2, torch.tensor([[2, 0]])),
    "amax": lambda x: x.amax(dim=1),
    "sign": lambda x: (x - 1).sign(),
    "ones_like": torch.ones_like,
    "zeros_like": torch.zeros_like,
    "clone": lambda x: x.clone(),
}


@pytest.mark.parametrize(
    "function", (DIFFERENTIABLE | FORWARD_ONLY).values(), ids=DIFFERENTIABLE | FORWARD_ONLY
)
def test_an_operation_gives_what_it_gives_in_float64(function):
    torch.testing.assert_close(as_float64(function(widen(X))), function(X), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("function", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_autograd_through_an_operation_gives_what_it_gives_in_float64(function):
    narrow, wide = X.clone().requires_grad_(), widen(X).requires_grad_()
    result = function(narrow)
    cotangent = torch.linspace(-1, 2, result.numel(), dtype=FLOAT64).reshape(result.shape)
    result.backward(cotangent)
    function(wide).backward(widen(cotangent))
    assert narrow.grad is not None
    assert wide.grad is not None
    assert isinstance(wide.grad, Wide)
    torch.testing.assert_close(as_float64(wide.grad), narrow.grad, rtol=1e-13, atol=1e-13)


def test_an_operation_in_place_leaves_the_tensor_it_came_from_alone():
    x = widen(tensor([1.0]))
    y = x * 1
    y += 5
    assert exact(x) == [1]
    assert exact(y) == [6]


def test_an_operation_changes_none_of_its_operands():
    x = widen(X)
    torch.softmax(x @ x.T, dim=0).sum()
    assert torch.equal(as_float64(x), X)


# what it does not know


def test_an_unknown_operation_is_refused_by_name():
    with pytest.raises(NoWideOperation, match=r"^aten\.erfinv\.default$"):
        torch.erfinv(widen(X))


def test_a_case_that_only_torch_knows_is_refused_and_not_an_error_of_the_authors():
    with pytest.raises(NoWideOperation, match=r"^aten\.cat\.default: "):
        torch.cat([widen(X), widen(tensor([]))])


def test_an_unknown_operation_is_a_refusal():
    assert issubclass(NoWideOperation, UserError)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool])
def test_a_conversion_would_round_in_forward_and_is_refused(dtype):
    with pytest.raises(NoWideOperation, match=f"conversion to {dtype}$"):
        widen(X).to(dtype)


def test_a_conversion_to_float64_changes_nothing():
    x = widen(X)
    assert x.double() is x


# inf and nan are results, not warnings (which pytest here would raise)


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (lambda x: torch.log(x * 0), -np.inf),
        (lambda x: x / (x * 0), np.inf),
        (lambda x: torch.exp(x * 1e6), np.inf),
    ],
    ids=["log of 0", "over 0", "overflow"],
)
def test_an_infinity_is_a_result(function, result):
    assert as_float64(function(widen(tensor([1.0])))).item() == result


def test_a_nan_is_a_result():
    zero = widen(tensor([0.0]))
    assert as_float64(zero / zero).isnan().all()


def test_a_bias_that_is_left_out_by_beta_zero_does_not_spread_its_nan():
    bias = widen(torch.full((3,), torch.nan, dtype=FLOAT64))
    product = torch.addmm(bias, widen(X), widen(X).T, beta=0)
    torch.testing.assert_close(as_float64(product), X @ X.T)
