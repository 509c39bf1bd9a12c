import numpy as np
import pytest
import torch

from autograd_by_hand.floats.rounding import accumulator, rounded, widened


def bits_of_every_kind():
    """Random float32 bit patterns, and those halfway between numbers of the half formats."""
    generator = np.random.default_rng(0)
    bits = generator.integers(0, 2**32, 200_000, dtype=np.uint32)
    halfway = (bits & np.uint32(0xFFFF0000)) | np.uint32(0x8000)
    halfway16 = (bits & np.uint32(0xFFFFE000)) | np.uint32(0x1000)
    special = np.array([0, 0x80000000, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 1], np.uint32)
    usual = generator.standard_normal(100_000).astype(np.float32).view(np.uint32)
    return np.concatenate([bits, halfway, halfway16, special, usual]).view(np.float32)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_number_is_rounded_as_torch_rounds_it(dtype):
    values = bits_of_every_kind()
    found = rounded(values, str(dtype).removeprefix("torch."))
    expected = torch.from_numpy(values).to(dtype).float().numpy()
    assert found.dtype == np.float32
    assert np.array_equal(np.isnan(found), np.isnan(values))
    numbers = ~np.isnan(values)
    assert np.array_equal(found[numbers].view(np.uint32), expected[numbers].view(np.uint32))


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("float16", 1 + 2.0**-11, 1.0),
        ("float16", 1 + 3 * 2.0**-11, 1 + 2.0**-9),
        ("float16", 65519.0, 65504.0),
        ("float16", 65520.0, np.inf),
        ("float16", 2.0**-24, 2.0**-24),
        ("float16", 3 * 2.0**-25, 2.0**-23),
        ("float16", -(2.0**-25), -0.0),
        ("bfloat16", 1 + 2.0**-8, 1.0),
        ("bfloat16", 1 + 3 * 2.0**-8, 1 + 2.0**-6),
        ("bfloat16", 65519.0, 65536.0),
        ("bfloat16", -3.4e38, -np.inf),
        ("bfloat16", 2.0**-133, 2.0**-133),
        ("bfloat16", 3 * 2.0**-134, 2.0**-132),
        ("bfloat16", -(2.0**-134), -0.0),
        ("float16", -np.inf, -np.inf),
        ("bfloat16", -np.inf, -np.inf),
    ],
)
def test_a_number_is_rounded_to_the_nearest_and_a_tie_to_even(name, value, nearest):
    found = rounded(np.array([value], np.float32), name)
    assert found.tobytes() == np.array([nearest], np.float32).tobytes()


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_the_accumulators_own_formats_are_left_as_they_are(name):
    values = np.array([1 + 2.0**-23], name)
    assert rounded(values, name) is values


def test_half_formats_are_added_in_float32():
    formats = ("float64", "float32", "bfloat16", "float16")
    assert [accumulator(name) for name in formats] == ["float64", "float32", "float32", "float32"]


def test_only_float16_has_to_be_widened():
    assert widened(np.ones(2, np.float16)).dtype == np.float32
    for kind in (np.float32, np.float64, np.int64):
        values = np.ones(2, kind)
        assert widened(values) is values
