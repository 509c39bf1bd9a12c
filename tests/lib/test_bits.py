import numpy as np

from scripts.lib.bits import first_difference, same_bits


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


def test_the_first_difference_is_located_by_index_and_run():
    found, expected = np.zeros((2, 3, 4)), np.zeros((2, 3, 4))
    expected[1, 2, 3], expected[1, 2, 1] = 5, 7
    place = first_difference(found, expected, same_bits(found, expected))
    assert place == {"run": 1, "index": [1, 2], "found": 0.0, "expected": 7.0}
