"""Each pattern is found in arrays made by hand, and none in a gradient that is right or just wrong."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autograd_by_hand.diagnosis.error_patterns import vague
from autograd_by_hand.diagnosis.factor_names import name_of
from autograd_by_hand.diagnosis.value_patterns import Values, exact

RUNS = 2
TOLERANCE = 1e-9
GENERATOR = np.random.default_rng(0)
SQUARE = GENERATOR.standard_normal((RUNS, 5, 5))
OBLONG = GENERATOR.standard_normal((RUNS, 6, 5))
CUBE = GENERATOR.standard_normal((RUNS, 4, 4, 4))
VECTOR = GENERATOR.standard_normal((RUNS, 7))
SHAPES = {"x": [7, 5], "W": [11, 5]}


def values(manual, truth=OBLONG, tolerance=TOLERANCE, gradients=None, shapes=None):
    known = {"x": truth} | (gradients or {})
    return Values(np.asarray(manual), truth, tolerance, "x", known, shapes or {})


def found(manual, truth=OBLONG, gradients=None, shapes=None):
    """The kinds and names of all mistakes that give exactly this gradient of x."""
    mistake = exact(values(manual, truth, gradients=gradients or {}, shapes=shapes or {}))
    return [(one.kind, one.name) for one in mistake]


def vaguely(manual, truth=OBLONG, **known):
    return [(one.kind, one.name) for one in vague(values(manual, truth), known)]


# patterns in a gradient


def test_a_gradient_that_is_missing_is_zero_and_nothing_else():
    (mistake,) = exact(values(0 * OBLONG, gradients={"y": 0 * OBLONG}))
    assert (mistake.kind, mistake.name) == ("zero", "it is zero: its terms are missing or detached")
    assert mistake.evidence == "every element is 0"


@pytest.mark.parametrize("factor", [2.0, 0.5, -1.0, 7.0, 1 / 35, 1.2345, -3e-7, 1e6])
def test_a_factor_is_found_and_named(factor):
    assert found(factor * OBLONG, shapes=SHAPES) == [("factor", name_of(factor, SHAPES))]


@pytest.mark.parametrize("factor", [600.0, 1 / 600])
def test_a_factor_is_distinguished_from_that_of_a_size_that_is_near(factor):
    mistake = exact(values(factor * OBLONG, tolerance=1e-5, shapes={"x": [602, 64]}))
    assert "602" not in next(mistake).name


def test_the_factor_is_reported_to_a_few_digits():
    mistake = next(exact(values(1.23456789 * OBLONG)))
    assert mistake.evidence == "every element is 1.23457 times the true one"


def test_a_factor_of_each_runs_own_is_found():
    ((kind, name),) = found(np.array([2.0, 3.0])[:, None, None] * OBLONG)
    assert kind == "factor"
    assert "changes from run to run" in name


def test_a_single_number_per_run_can_only_have_a_factor_of_its_run():
    ((kind, name),) = found(np.array([6.0, 8.0]), np.array([3.0, 2.0]))
    assert kind == "factor"
    assert "changes from run to run" in name


def test_the_gradient_of_another_tensor_is_recognised():
    other = OBLONG[::-1] + 1
    assert found(other, gradients={"y": other, "z": 2 * OBLONG}) == [
        ("operation", "it is the gradient of y")
    ]


def test_its_own_gradient_is_not_that_of_another_tensor():
    assert found(OBLONG + SQUARE[:, :1], gradients={"x": OBLONG + SQUARE[:, :1]}) == []


def test_a_square_gradient_that_is_transposed_is_found():
    assert ("transposed", "it is transposed") in found(SQUARE.transpose(0, 2, 1), SQUARE)


def test_an_oblong_gradient_that_is_transposed_and_laid_out_again_is_found():
    first = OBLONG.transpose(0, 2, 1).reshape(OBLONG.shape)
    then = OBLONG.reshape(RUNS, 5, 6).transpose(0, 2, 1)
    for manual in (first, then):
        ((kind, name),) = found(manual)
        assert kind == "transposed"
        assert "reshaped" in name


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_a_gradient_with_its_axes_in_another_order_is_found(order):
    manual = CUBE.transpose(0, *(axis + 1 for axis in order))
    mistake = [name for kind, name in found(manual, CUBE) if kind == "transposed"]
    assert f"its axes are in the order {order}" in mistake


def test_a_gradient_of_zeros_and_a_bit_is_not_a_factor_of_a_true_gradient_of_zeros():
    assert found(OBLONG, 0 * OBLONG) == []


@given(
    st.integers(0, 10**6),
    st.sampled_from([(7,), (4, 3), (3, 3), (2, 3, 2)]),
    st.floats(0.1, 10),
)
def test_an_error_at_random_is_nothing_in_particular(seed, shape, size):
    generator = np.random.default_rng(seed)
    truth = generator.standard_normal((RUNS, *shape))
    manual = truth + size * generator.standard_normal(truth.shape)
    known = {"x": generator.standard_normal(truth.shape), "b": generator.standard_normal((RUNS, 3))}
    assert list(exact(values(manual, truth, gradients=known, shapes=SHAPES))) == []
    assert list(vague(values(manual, truth), known)) == []


@given(st.integers(0, 10**6), st.sampled_from([(7,), (4, 3), (3, 3), (2, 3, 2)]))
def test_a_right_gradient_is_nothing_in_particular(seed, shape):
    generator = np.random.default_rng(seed)
    truth = generator.standard_normal((RUNS, *shape))
    manual = truth * (1 + 1e-15 * generator.choice([-1.0, -0.5, 0.5, 1.0], truth.shape))
    known = {"x": generator.standard_normal(truth.shape)}
    assert list(exact(values(manual, truth, gradients=known, shapes=SHAPES))) == []
    assert list(vague(values(manual, truth), known)) == []


def test_as_much_as_the_tolerance_may_be_left_over():
    left_over = 1e-4 * OBLONG[:, ::-1] * np.linalg.norm(OBLONG) / np.linalg.norm(OBLONG[:, ::-1])
    manual = 2 * OBLONG + left_over  # its error is about as large as the gradient
    assert next(exact(values(manual, tolerance=1.1e-4))).kind == "factor"
    assert list(exact(values(manual, tolerance=0.9e-4))) == []


# names of factors


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (2.0, "a factor of 1/2 is missing"),
        (0.5, "there is an extra factor of 1/2"),
        (-1.0, "the sign is wrong"),
        (-2.0, "the sign is wrong and a factor of 1/2 is missing"),
        (7.0, "not divided by 7, the length of axis 0 of x"),
        (5.0, "not divided by 5, the length of axis 1 of x"),
        (11.0, "not divided by 11, the length of axis 0 of W"),
        (35.0, "not divided by 35, the number of elements of x"),
        (55.0, "not divided by 55, the number of elements of W"),
        (1 / 7, "divided twice by 7, the length of axis 0 of x"),
        (sqrt(5), "it is not divided by the square root of 5, the length of axis 1 of x"),
        (
            1 / sqrt(5),
            "it is divided once too often by the square root of 5, the length of axis 1 of x",
        ),
        (7 / 6, "n - 1 is used instead of n = 7"),
        (6 / 7, "n is used instead of n - 1, where n = 7"),
        (sqrt(7 / 6), "n - 1 is used instead of n under a root, where n = 7"),
        (sqrt(10 / 11), "n is used instead of n - 1 under a root, where n = 11"),
        (7 / 5, "divided by 5, the length of axis 1 of x, instead of 7, the length of axis 0 of x"),
        (-7.0, "not divided by 7, the length of axis 0 of x, and the sign is wrong"),
        (14.0, "not divided by 7, the length of axis 0 of x, and a factor of 1/2 is missing"),
        (3.5, "not divided by 7, the length of axis 0 of x, and there is an extra factor of 1/2"),
        (-22.0, "not divided by 11, the length of axis 0 of W, and a factor of 1/2 is missing"),
    ],
)
def test_a_factor_is_named_after_the_sizes_of_the_tensors(factor, words):
    assert words in name_of(factor, SHAPES)


def test_the_rows_of_a_tensor_are_a_size_too():
    assert "6, the rows of x" in name_of(6.0, {"x": [2, 3, 5]})


def test_a_factor_with_no_such_name_is_described_as_it_is():
    words = name_of(1.23456789, SHAPES)
    assert words == "a constant factor is wrong: it is 1.234568 times what it should be"


def test_at_most_two_names_are_reported():
    words = name_of(2.0, {"x": [2, 4], "W": [4, 16]})  # sqrt(4), 4 / 2 and others
    assert words.count("; or ") == 1


@pytest.mark.parametrize("factor", [2.0, 0.5, -1.0])
@pytest.mark.parametrize("shape", [[1, 5], [1, 1], [1]])
def test_an_axis_of_one_names_nothing(factor, shape):
    assert name_of(factor, {"x": shape}) == name_of(factor, {})


def test_a_factor_is_named_only_as_well_as_it_is_known():
    near = 7 * (1 + 1e-6)
    assert "the length of axis 0 of x" in name_of(near, SHAPES, within=1e-5)
    assert "a constant factor is wrong" in name_of(near, SHAPES, within=1e-7)


@given(st.integers(2, 40), st.integers(2, 40))
def test_a_mean_in_place_of_a_sum_is_named_whatever_the_size(rows, columns):
    assume(rows not in (2, columns))
    words = name_of(1 / rows, {"x": [rows, columns]})
    assert f"{rows}, the length of axis 0 of x" in words


# patterns in an error


def with_error(where, error):
    manual = OBLONG.copy()
    manual[where] += error
    return manual


def test_one_wrong_row_is_found():
    manual = with_error(np.s_[:, 3], SQUARE[:, 0])
    (kind, name), *_ = vaguely(manual)
    assert kind == "confined"
    assert name == "only index 3 along axis 0 is wrong"


@pytest.mark.parametrize(("part", "name"), [(0, "real"), (1, "imaginary")])
def test_the_wrong_part_of_a_complex_gradient_is_told(part, name):
    truth = np.stack([OBLONG, SQUARE[0, 0, 0] + OBLONG[:, ::-1]], axis=-1)
    manual = truth.copy()
    manual[..., part] *= OBLONG
    (found, *_) = vague(Values(manual, truth, 1e-9, by_parts=True), {})
    assert found.name == f"only the {name} part is wrong"
    assert found.evidence == "the other part is right in every run"
    manual = truth.copy()
    manual[:, 2, 3, part] += 1
    (found, *_) = vague(Values(manual, truth, 1e-9, by_parts=True), {})
    assert found.name == "only index 2 along axis 0 is wrong"


def test_several_wrong_columns_are_found():
    manual = with_error(np.s_[:, :, [0, 1]], SQUARE[0, 0, 0] + OBLONG[:, ::-1, :2])
    assert vaguely(manual)[0] == ("confined", "only index 0 to 1 along axis 1 is wrong")
    manual = with_error(np.s_[:, :, [0, 3]], SQUARE[0, 0, 0] + OBLONG[:, ::-1, :2])
    assert vaguely(manual)[0] == ("confined", "only index 0, 3 along axis 1 is wrong")


def test_rows_that_are_wrong_in_one_run_only_are_found():
    manual = with_error(np.s_[1, 5], 1.0)
    assert ("confined", "only index 5 along axis 0 is wrong") in vaguely(manual)


def test_a_row_that_is_zero_is_reported():
    manual = OBLONG.copy()
    manual[:, 0] = 0
    assert vaguely(manual)[0][1] == "only index 0 along axis 0 is wrong: it is 0 there"


def test_a_row_with_a_factor_is_reported():
    manual = OBLONG.copy()
    manual[:, 0] *= 3
    (kind, name), *_ = vaguely(manual)
    assert kind == "confined"
    assert name == "only index 0 along axis 0 is wrong: it is 3 times the true one there"


def test_a_few_wrong_elements_are_found_with_the_first():
    truth = SQUARE
    manual = truth.copy()
    manual[:, range(1, 5), range(1, 5)] += [1.0, 2.0, -1.0, 5.0]
    (kind, name), *_ = vaguely(manual, truth)
    assert kind == "confined"
    assert name == "only 4 of 25 elements are wrong, the first at index (1, 1)"


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (1, "multiplied by s once"),
        (-1, "multiplied by 1 / s once"),
        (2, "multiplied by s twice"),
        (-2, "multiplied by 1 / s twice"),
        (0.5, "multiplied by s, its square root,"),
        (-0.5, "multiplied by 1 / s, its square root,"),
    ],
)
@pytest.mark.parametrize("shape", [(6, 5), (5,), (6, 1)])
def test_a_gradient_times_a_power_of_a_tensor_is_found(power, words, shape):
    s = np.abs(np.random.default_rng(1).standard_normal((RUNS, *shape))) + 0.5
    wide = s.reshape(RUNS, *[1] * (2 - len(shape)), *shape)
    mistake = vaguely(OBLONG * wide**power, other=VECTOR, s=s)
    assert any(kind == "missing" and words in name for kind, name in mistake)


def test_a_term_that_is_missing_is_found_with_its_factor():
    b = np.random.default_rng(1).standard_normal((RUNS, 5))
    ((kind, name), *_) = vaguely(OBLONG - 2 * b[:, None, :], b=b)
    assert kind == "missing"
    assert name == "2.0 times b is missing"


@pytest.mark.parametrize("axis", [0, 1])
def test_an_error_that_does_not_change_along_an_axis_is_found(axis):
    error = np.random.default_rng(1).standard_normal(OBLONG.shape).mean(axis + 1, keepdims=True)
    mistake = vaguely(OBLONG + error)
    assert any(f"the same along axis {axis} is missing" in name for _, name in mistake)


def test_a_tensor_of_zeros_or_of_another_shape_explains_nothing():
    known = {"zeros": 0 * OBLONG, "other": VECTOR, "number": np.ones((RUNS, 1))}
    assert vaguely(OBLONG + OBLONG[:, ::-1] ** 2, **known) == []
