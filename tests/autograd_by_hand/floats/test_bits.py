import numpy as np
import pytest

from autograd_by_hand.floats.bits import first_difference, same_bits


def test_bits_are_compared_and_not_values():
    first = np.array([1.0, 0.0, np.inf, 1.0], np.float32)
    second = np.array([1.0, -0.0, np.inf, 1 + 2.0**-23], np.float32)
    assert same_bits(first, second).tolist() == [True, False, True, False]


def test_any_nan_is_like_any_other():
    payloads = np.array([0x7FC00000, 0xFFC00001, 0x7FC00002], np.uint32).view(np.float32)
    assert same_bits(payloads, np.roll(payloads, 1)).all()
    assert not same_bits(payloads, np.zeros(3, np.float32)).any()


def test_arrays_that_are_views_are_compared_as_what_they_show():
    values = np.arange(6.0).reshape(2, 3)
    assert same_bits(values.T, values.T.copy()).all()


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_one_ulp_is_a_difference_in_every_format(kind):
    ones = np.ones(3, kind)
    off = ones.copy()
    off[1] = np.nextafter(off[1], kind(2))
    assert same_bits(ones, off).tolist() == [True, False, True]


def test_a_single_number_of_each_run_has_no_index():
    found, expected = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])
    place = first_difference(found, expected, same_bits(found, expected))
    assert place == {"run": 2, "index": [], "found": 3.0, "expected": 4.0}


def test_the_first_difference_is_located_by_index_and_run():
    found, expected = np.zeros((2, 3, 4)), np.zeros((2, 3, 4))
    expected[1, 2, 3], expected[1, 2, 1] = 5, 7
    place = first_difference(found, expected, same_bits(found, expected))
    assert place == {"run": 1, "index": [1, 2], "found": 0.0, "expected": 7.0}
