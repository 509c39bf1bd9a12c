"""Random rounding: by hand where one rounding decides, by the docstring's formula for sums."""

from collections import Counter
from math import ldexp, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from autograd_by_hand.aten.dispatch import DispatchMode
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.floats.formats import eps, largest, smallest_normal
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.floats.ulp import ulp
from autograd_by_hand.verdict.noise_grid import BITS_FOR_FLOAT64, Grid
from autograd_by_hand.verdict.rounding_noise import RandomRounding, draw_noise

INF, NAN = float("inf"), float("nan")
SHORTER = ["float32", "bfloat16", "float16"]
COARSER = 2.0 ** (53 - BITS_FOR_FLOAT64)  # float64's grid than float64
LEAST = 2.0**-24  # the smallest float16 above zero


def wide(*values):
    return torch.tensor(values, dtype=torch.float64)


def spacing(value, dtype):
    """Between the numbers of a format's grid."""
    return float(ulp(np.array(value), dtype)) * (COARSER if dtype == "float64" else 1)


def generator(seed=0):
    return np.random.default_rng(seed)


def bits(count, seed=0):
    return torch.from_numpy(generator(seed).integers(-(2**63), 2**63, count, np.int64))


# rounding to the grid


@given(
    st.floats(0.5, 1, exclude_max=True), st.integers(-900, 900), st.integers(-(2**63), 2**63 - 1)
)
def test_float64s_grid_has_forty_bits(significand, exponent, drawn):
    value = wide(ldexp(significand, exponent))
    whole = ldexp(Grid.of("float64").rounded(value, torch.tensor([drawn])).item(), 40 - exponent)
    assert BITS_FOR_FLOAT64 == 40
    assert whole == int(whole)
    assert abs(whole - ldexp(significand, 40)) < 1


@given(st.sampled_from(FORMATS), st.data())
def test_random_rounding_gives_one_of_the_two_neighbours(dtype, data):
    low, high = np.frexp([smallest_normal(dtype) * eps(dtype), largest(dtype)])[1]
    exponent = data.draw(st.integers(int(low) - 2, int(high) - 1))
    value = ldexp(data.draw(st.floats(-1, 1)), exponent)
    random = torch.tensor([data.draw(st.integers(-(2**63), 2**63 - 1))])
    step = spacing(value, dtype)
    rounded = Grid.of(dtype).rounded(wide(value), random).item()
    assert rounded in (np.floor(value / step) * step, np.ceil(value / step) * step)


@pytest.mark.parametrize(
    ("dtype", "below"),
    [(dtype, 1.0) for dtype in FORMATS]
    + [(dtype, 5 * smallest_normal(dtype) * eps(dtype)) for dtype in SHORTER],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_random_rounding_goes_up_as_often_as_the_number_is_near(dtype, below, sign):
    step = spacing(below, dtype)
    value = sign * (below + step / 4)
    draws = Grid.of(dtype).rounded(wide(value).expand(10_000), bits(10_000))
    counts = Counter(draws.tolist())
    assert set(counts) == {sign * below, sign * (below + step)}
    assert counts[sign * (below + step)] == pytest.approx(2500, abs=130)  # 3 sigma


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("drawn", [-1, 0, 2**63 - 1, -(2**63), 12345])
def test_what_is_on_the_grid_stays_there_whatever_is_drawn(dtype, drawn):
    least = smallest_normal(dtype) * (eps(dtype) if dtype != "float64" else 1)
    numbers = [0.0, 1.0, -1.5, least, -3 * least, smallest_normal(dtype), INF, -INF]
    numbers += [largest(dtype)] if dtype != "float64" else []
    values = wide(*numbers)
    rounded = Grid.of(dtype).rounded(values, torch.full((len(values),), drawn))
    assert rounded.tolist() == values.tolist()


def test_a_nan_beside_it_does_not_change_how_a_number_is_rounded():
    rounded = Grid.of("float16").rounded(wide(NAN, 0.7 * LEAST), bits(2))
    assert rounded[0].isnan()
    assert rounded[1] in (0, LEAST)


def test_beyond_the_largest_number_by_half_a_step_is_infinity():
    rounded = Grid.of("float16").rounded(wide(65519.9, -65519.9, 65520, -65520, 1e9), bits(5))
    assert rounded.tolist() == [65504, -65504, INF, -INF, INF]


def test_random_rounding_does_not_make_an_infinity_of_what_rounds_to_a_number():
    rounded = Grid.of("float16").rounded(wide(65519.9).expand(100), bits(100))
    assert rounded.tolist() == [65504] * 100


@pytest.mark.parametrize("dtype", FORMATS)
def test_infinity_and_nan_stay(dtype):
    rounded = Grid.of(dtype).rounded(wide(INF, -INF, NAN), bits(3))
    assert rounded[:2].tolist() == [INF, -INF]
    assert rounded[2].isnan()


# operations that are rounded at random


class Seen(DispatchMode):
    """Within it, the operations that are carried out."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def execute(self, func, args, kwargs):
        self.names.add(str(func).split(".")[1])
        return super().execute(func, args, kwargs)


def rounded_at_random(function, *args, dtype="float16", seed=0):
    with RandomRounding(dtype, generator(seed)):
        return function(*args)


GRID = wide(*range(-6, 6)).reshape(3, 4) / 4


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 3 + 1,
        lambda x: x / 2 - x,
        lambda x: (x - x) * x,
        lambda x: x**2,
        lambda x: (-x).abs().relu(),
        lambda x: x.t().reshape(4, 3)[1:],
        lambda x: x[torch.tensor([2, 0])],
        lambda x: torch.where(x > 0, x, 0.0),
        lambda x: torch.cat([x, x.amax(1, keepdim=True)], 1),
        lambda x: x.clone().mul_(2).add_(1),
        torch.zeros_like,
        lambda x: x[:1].sum(0),
        lambda x: x[:, :1] @ x[:1],
    ],
)
@pytest.mark.parametrize("dtype", FORMATS)
def test_what_is_exact_has_no_noise(function, dtype):
    for seed in range(20):
        assert torch.equal(
            rounded_at_random(function, GRID, dtype=dtype, seed=seed), function(GRID)
        )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * (1 / 3),
        lambda x: x / 3,
        lambda x: x.exp(),
        lambda x: x + 2.0**-30,
        lambda x: x.sigmoid(),
        lambda x: x.softmax(1),
        lambda x: x.std(0),
        lambda x: x @ x.t(),
        lambda x: torch.nn.functional.layer_norm(x, (4,)),
        lambda x: torch.nn.functional.conv1d(x[None], x.t()[:, :, None]),
    ],
)
@pytest.mark.parametrize("dtype", SHORTER)
def test_each_result_is_a_number_of_the_format(function, dtype):
    kind = getattr(torch, dtype)
    x = (GRID / 3).to(kind).double()
    found = rounded_at_random(function, x, dtype=dtype)
    assert not torch.equal(found, function(x))
    assert torch.equal(found, found.to(kind).double())


@pytest.mark.parametrize(
    ("in_place", "out_of_place"),
    [
        (lambda x: x.mul_(1 / 3), lambda x: x * (1 / 3)),
        (lambda x: x.add_(1 / 3), lambda x: x + 1 / 3),
        (lambda x: x.div_(3), lambda x: x / 3),
        (lambda x: x.exp_(), lambda x: x.exp()),
    ],
)
def test_an_operation_in_place_is_rounded_in_place(in_place, out_of_place):
    x = GRID.clone()
    assert rounded_at_random(in_place, x) is x
    assert torch.equal(x, rounded_at_random(out_of_place, GRID))
    assert not torch.equal(x, out_of_place(GRID))


def test_an_operation_on_a_view_is_rounded_where_the_view_looks():
    x = GRID.clone()
    rounded_at_random(lambda x: x[0].mul_(1 / 3), x)
    assert torch.equal(x[1:], GRID[1:])
    assert torch.equal(x[0], x[0].half().double())
    assert not torch.equal(x[0], GRID[0] * (1 / 3))


def test_other_formats_and_whole_numbers_are_left_alone():
    single = torch.tensor([1 / 3, 0.1])
    assert torch.equal(rounded_at_random(lambda x: x * x, single), single * single)
    assert rounded_at_random(lambda x: x * x, torch.tensor([4097])).tolist() == [4097**2]


@pytest.mark.parametrize(
    ("function", "kernel"),
    [
        (lambda x: x.softmax(1), "_softmax"),
        (lambda x: x.log_softmax(1), "_log_softmax"),
        (lambda x: torch.nn.functional.layer_norm(x, (4,)), "native_layer_norm"),
        (torch.nn.functional.gelu, "gelu"),
        (torch.nn.functional.silu, "silu"),
        (lambda x: x.sigmoid(), "sigmoid"),
        (lambda x: x.logsumexp(1), "logsumexp"),
        (lambda x: x.mean(1), "mean"),
        (lambda x: x.var(1), "var"),
        (lambda x: torch.var_mean(x, 1)[0], "var_mean"),
        (lambda x: torch.nn.functional.mse_loss(x, x[:1].expand(3, 4)), "mse_loss"),
        (lambda x: torch.addmm(x[:, :3], x, x.t(), alpha=0.5), "addmm"),
        (lambda x: torch.nn.functional.bilinear(x, x, torch.stack([x.t() @ x])), "_trilinear"),
    ],
)
def test_a_kernel_of_several_operations_is_taken_apart(function, kernel):
    with Seen() as whole:
        function(GRID)
    with Seen() as apart:
        rounded_at_random(function, GRID)
    assert kernel in whole.names
    assert kernel not in apart.names


@pytest.mark.parametrize(("given", "apart"), [(torch.arange(4), False), (wide(0.5), True)])
def test_what_is_in_whole_numbers_is_not_taken_apart(given, apart):
    with Seen() as seen:
        rounded_at_random(lambda x: x.clamp(1, 2), given)
    assert ("clamp" not in seen.names) == apart


def test_what_overflows_is_counted_by_its_name():
    x = wide(256.0, 1.0)
    with RandomRounding("float16", generator()) as arithmetic:
        y = x * x
        z = y - 1  # of an infinity, that there was
    assert y.tolist() == [INF, 1]
    assert z.tolist() == [INF, 0]
    assert arithmetic.overflows == Counter({"mul": 1})


def test_what_is_infinite_in_float64_too_is_no_overflow():
    with RandomRounding("float16", generator()) as arithmetic:
        found = 1 / wide(0.0)
    assert found.tolist() == [INF]
    assert not arithmetic.overflows


@pytest.mark.parametrize("make", [torch.empty, torch.zeros, torch.ones])
def test_memory_that_is_not_yet_written_is_no_overflow(make):
    for _ in range(10):
        before = torch.full((1000,), 1e300, dtype=torch.float64)
        del before  # its memory is given to the next
        with RandomRounding("float16", generator()) as arithmetic:
            make(1000, dtype=torch.float64)
        assert not arithmetic.overflows


# sums

ROWS, TERMS = 20_000, 100
CANCELLING = wide(*[1, -1] * (TERMS // 2))
ROUNDOFF = 2.0**-24  # of float32


def variance(function, *args, dtype="float32"):
    """Of the many results of a sum, in squares of float32's unit roundoff."""
    errors = rounded_at_random(function, *args, dtype=dtype) - function(*args)
    return float(errors.square().mean()) / ROUNDOFF**2


def test_a_sum_of_ones_is_off_as_its_partial_sums_are_large():
    ones = torch.ones(ROWS, TERMS, dtype=torch.float64)
    squares = sum(partial**2 for partial in range(1, TERMS + 1))  # in whatever order
    rounding = (2.0**-17 / ROUNDOFF) ** 2 / 6  # of the sum itself, between 64 and 128
    found = variance(lambda x: x.sum(1), ones)
    assert found == pytest.approx(squares / 3 + rounding, rel=0.03)


@pytest.mark.parametrize("dtype", SHORTER)
def test_a_sum_is_added_in_float32_whatever_the_format(dtype):
    found = variance(lambda x: x.sum(1), CANCELLING.expand(ROWS, TERMS), dtype=dtype)
    assert found == pytest.approx((TERMS + 1) * TERMS / 6 / 3, rel=0.03)


def test_float64s_sums_are_added_in_its_shorter_numbers():
    found = variance(lambda x: x.sum(1), CANCELLING.expand(ROWS, TERMS), dtype="float64")
    shorter = (2.0**-BITS_FOR_FLOAT64 / ROUNDOFF) ** 2
    assert found == pytest.approx((TERMS + 1) * TERMS / 6 / 3 * shorter, rel=0.03)


MANY = CANCELLING.expand(200, TERMS)
ZEROS = torch.zeros((), dtype=torch.float64)


@pytest.mark.parametrize(
    ("function", "terms", "products"),
    [
        (lambda x: x.repeat(100, 1).sum(1), TERMS, 0),
        (lambda x: x @ x.abs().t(), TERMS, 1),
        (lambda x: x[None] @ x.abs().t()[None], TERMS, 1),
        (lambda x: torch.nn.functional.linear(x, x.abs()), TERMS, 1),
        (lambda x: torch.addmm(ZEROS.expand(200), x, x.abs().t()), TERMS + 1, 1),
        (lambda x: x.repeat(100, 1) @ x[0].abs(), TERMS, 1),
        (lambda x: torch.nn.functional.conv1d(x[None].mT, x.abs()[:, :, None]), TERMS, 1),
        (
            lambda x: torch.zeros(1, ROWS, dtype=torch.float64).index_add(
                0, torch.zeros(TERMS, dtype=torch.int64), x.t().repeat(1, 100)
            ),
            TERMS + 1,
            0,
        ),
        (
            lambda x: torch.zeros(ROWS, 1, dtype=torch.float64).scatter_add(
                1, torch.zeros(ROWS, TERMS, dtype=torch.int64), x.repeat(100, 1)
            ),
            TERMS + 1,
            0,
        ),
    ],
    ids=["sum", "mm", "bmm", "linear", "addmm", "mv", "conv", "index_add", "scatter_add"],
)
def test_a_sum_that_cancels_is_off_by_its_summands_and_their_products(function, terms, products):
    partial = (terms + 1) * TERMS / 6  # T = 0 and Q = 100
    found = variance(function, MANY)
    assert found == pytest.approx((partial + products * TERMS) / 3, rel=0.03)


# the noise of a gradient


def noise(vjp, dtype, draws=5, seed=0):
    drawn = draw_noise(vjp, dtype, draws, generator(seed))
    return drawn.noise, drawn.overflows


def test_a_product_half_way_between_two_numbers_is_off_by_half_an_ulp_in_every_draw():
    x, y = wide(1 + 2.0**-5), wide(1 + 2.0**-6)  # 1 + 2^-5 + 2^-6 + 2^-11
    found, overflows = noise(lambda: {"x": x * y}, "float16")
    assert found["x"].tolist() == [2.0**-11]
    assert not overflows


def test_the_noise_of_float64_is_that_of_its_shorter_numbers_scaled():
    x = wide(1 + 2.0**-20)  # squared 1 + 2^-19 + 2^-40
    found, _ = noise(lambda: {"x": x * x}, "float64")
    assert found["x"].tolist() == [2.0**-53]


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_product_is_off_by_an_ulp_over_the_root_of_six(dtype):
    kind = torch.float32 if dtype == "float64" else getattr(torch, dtype)  # what draws are
    drawn = (generator(seed).random(2000) + 1 for seed in (1, 2))
    x, y = (torch.from_numpy(one).to(kind).double() for one in drawn)
    found, _ = noise(lambda: {"x": x * y}, dtype, draws=64)
    in_ulps = found["x"].numpy() / ulp((x * y).numpy(), dtype)
    assert sqrt((in_ulps**2).mean()) == pytest.approx(1 / sqrt(6), rel=0.03)


def test_an_exact_gradient_has_no_noise():
    x = wide(3.0, 5.0)
    assert noise(lambda: {"x": x * 2, "y": x - 1}, "bfloat16")[0]["x"].tolist() == [0, 0]


def test_autograds_own_operations_are_rounded():
    def vjp():
        x = wide(1 + 2.0**-5).requires_grad_()
        (x * (1 + 2.0**-6)).sum().backward(torch.tensor(1 + 2.0**-5, dtype=torch.float64))
        assert isinstance(x.grad, Tensor)
        return {"x": x.grad}

    assert noise(vjp, "float16")[0]["x"].tolist() == [2.0**-11]


def test_what_overflows_is_counted_in_draws_and_has_no_finite_noise():
    x = wide(256.0)
    found, overflows = noise(lambda: {"x": x * x + x * x}, "float16", draws=3)
    assert found["x"].tolist() == [INF]
    assert overflows == Counter({"mul": 3})


def test_a_program_that_fails_by_the_rounding_errors_has_no_finite_noise():
    x = wide(1.0, 1 + 2.0**-12)

    def vjp():
        difference = x.mul(1.0)[1] - 1  # on float16's grid it is zero, or a step
        if not difference.item():
            raise UserError("forward.py:3: no such logarithm.")
        return {"x": x * difference}

    assert noise(vjp, "float16", draws=8)[0]["x"].tolist() == [INF, INF]


def test_a_program_that_fails_without_rounding_errors_is_refused():
    def vjp():
        raise UserError("forward.py:3: no such logarithm.")

    with pytest.raises(UserError, match="no such logarithm"):
        noise(vjp, "float16")


def test_the_same_generator_gives_the_same_draws():
    x = GRID / 3
    first, again, other = (
        noise(lambda: {"x": x * x}, "float32", seed=seed)[0] for seed in (1, 1, 2)
    )
    assert torch.equal(first["x"], again["x"])
    assert not torch.equal(first["x"], other["x"])


# complex numbers


def test_both_parts_of_a_complex_number_are_rounded():
    exact = torch.complex(wide(1 + 2.0**-13), wide(-3 - 2.0**-13))
    with RandomRounding("float16", generator()):
        parts = torch.view_as_real(exact * torch.ones(1, dtype=torch.complex128))
    assert parts.flatten().tolist() in [
        [real, imag] for real in (1, 1 + 2.0**-10) for imag in (-3, -3 - 2.0**-9)
    ]


def test_a_sum_of_complex_numbers_is_off_as_the_sums_of_its_parts_are():
    terms = torch.complex(
        *torch.randn(2, 400, 64, generator=torch.Generator().manual_seed(0)).double()
    )
    with RandomRounding("float32", generator()):
        off = torch.view_as_real(terms.sum(1)) - torch.view_as_real(terms).sum(1)
        apart = terms.real.sum(1) - torch.view_as_real(terms).sum(1)[:, 0]
    assert 0.7 < float(off.square().mean().sqrt() / apart.square().mean().sqrt()) < 2


def test_the_noise_of_fused_attention_is_that_of_its_steps():
    q, k, v, dout = torch.randn(4, 2, 2, 4, 3, generator=torch.Generator().manual_seed(0)).double()

    def vjp(attention):
        def gradients():
            leaves = [one.clone().requires_grad_() for one in (q, k, v)]
            return dict(
                zip("qkv", torch.autograd.grad(attention(*leaves), leaves, dout), strict=True)
            )

        return gradients

    def plain(q, k, v):
        return (q @ k.mT / 3**0.5).softmax(-1) @ v

    fused, steps = (
        draw_noise(vjp(one), "float32", 16, generator()).noise
        for one in (torch.nn.functional.scaled_dot_product_attention, plain)
    )
    for name, noise in fused.items():
        assert 0.5 < float(noise.norm() / steps[name].norm()) < 2
