from fractions import Fraction

import numpy as np
import pytest

from autograd_by_hand.floats.fma import fma, round_to_odd, two_product, two_sum


def exact(first, second, addend, dtype):
    """a b + c rounded once to `dtype`, by rational arithmetic: nearest, ties to even."""
    true = Fraction(float(first)) * Fraction(float(second)) + Fraction(float(addend))
    near = dtype(float(true))  # at most one number off, since it may be rounded twice
    around = [np.nextafter(near, dtype(-np.inf)), near, np.nextafter(near, dtype(np.inf))]
    return min(
        around, key=lambda x: (abs(Fraction(float(x)) - true), int(x.view(f"u{x.itemsize}")) & 1)
    )


def draws(dtype, seed=0, count=4000):
    """Factors with short and long significands, and addends that cancel or meet midpoints."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(2, np.finfo(dtype).nmant + 2, count)
    first, second = (
        np.ldexp(
            np.round(np.ldexp(1 + rng.random(count), bits - 1)), rng.integers(-40, 20, count) - bits
        )
        for _ in range(2)
    )
    first, second = (
        v.astype(dtype) * rng.choice([-1, 1], count).astype(dtype) for v in (first, second)
    )
    steps = np.where(
        rng.random(count) < 0.5,
        rng.integers(-3, 4, count) * np.finfo(dtype).eps,
        2.0 ** rng.integers(-60, 60, count),
    )
    addend = np.where(
        rng.random(count) < 0.5, -(first * second) * (1 + steps), first * second * steps
    )
    return first, second, addend.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fused_product_is_rounded_once(dtype):
    first, second, addend = draws(dtype)
    due = np.array([exact(*each, dtype) for each in zip(first, second, addend, strict=True)])
    assert fma(first, second, addend).tobytes() == due.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_differs_from_rounding_twice(dtype):
    tiny = np.finfo(dtype).eps
    one = np.array([1 + tiny], dtype)
    assert fma(one, one, -(one * one)) == tiny**2
    assert one * one - one * one == 0


def test_a_sum_halfway_between_two_float32_is_decided_by_what_float64_drops():
    first, second = np.array([2.0**-40, -(2.0**-40)], np.float32), np.full(2, 2.0**-20, np.float32)
    half = fma(
        np.full(2, 1 + 2.0**-12, np.float32),
        np.full(2, 2.0**-12, np.float32),
        np.ones(2, np.float32),
    )
    assert half.tolist() == [1 + 2.0**-12] * 2  # 1 + 2^-12 + 2^-24: a tie, to even
    above = fma(first, second, np.float32(1) + np.zeros(2, np.float32))
    assert above.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinities_and_nan_are_the_processors(dtype):
    first = np.array([np.inf, np.inf, np.nan, np.finfo(dtype).max], dtype)
    second = np.array([2, 0, 1, 2], dtype)
    with np.errstate(all="ignore"):
        found = fma(first, second, np.ones(4, dtype))
    assert found[[0, 3]].tolist() == [np.inf, np.inf]
    assert np.isnan(found[[1, 2]]).all()


def test_a_sum_and_a_product_come_with_their_errors():
    total, error = two_sum(np.array([1.0]), np.array([2.0**-60]))
    assert (total.item(), error.item()) == (1.0, 2.0**-60)
    one = np.array([1 + 2.0**-30])
    product, error = two_product(one, one)
    assert (product.item(), error.item()) == (1 + 2.0**-29, 2.0**-60)


def test_rounding_to_odd_never_gives_an_even_last_bit_where_it_is_inexact():
    above = round_to_odd(np.array([1.0, 1.0, -1.0]), np.array([2.0**-60, -(2.0**-60), 0.0]))
    assert above.tolist() == [1 + 2.0**-52, 1 - 2.0**-53, -1.0]
