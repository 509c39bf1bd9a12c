import numpy as np
import pytest
import torch

from autograd_by_hand.floats.formats import eps, largest, numpy_dtype, precision, smallest_normal
from autograd_by_hand.floats.rounding import FORMATS


@pytest.mark.parametrize(
    ("name", "bits", "greatest", "normal"),
    [
        ("float64", 53, (2 - 2**-52) * 2.0**1023, 2.0**-1022),
        ("float32", 24, (2 - 2**-23) * 2.0**127, 2.0**-126),
        ("bfloat16", 8, (2 - 2**-7) * 2.0**127, 2.0**-126),
        ("float16", 11, 65504, 2**-14),
    ],
)
def test_a_format_has_the_constants_of_its_definition(name, bits, greatest, normal):
    assert precision(name) == bits
    assert eps(name) == 2.0 ** (1 - bits)
    assert largest(name) == greatest
    assert smallest_normal(name) == normal


@pytest.mark.parametrize("name", FORMATS)
def test_torch_knows_the_format_by_the_same_name_and_constants(name):
    info = torch.finfo(getattr(torch, name))
    assert (info.eps, info.max, info.smallest_normal) == (
        eps(name),
        largest(name),
        smallest_normal(name),
    )


@pytest.mark.parametrize("name", FORMATS)
def test_adding_half_an_eps_to_one_is_rounded_away_and_a_whole_one_is_not(name):
    kind = numpy_dtype(name).type
    assert kind(1) + kind(eps(name) / 2) == 1
    assert kind(1) + kind(eps(name)) != 1


def test_numpy_speaks_of_bfloat16_by_name():
    assert numpy_dtype("bfloat16").name == "bfloat16"
    assert numpy_dtype("bfloat16").itemsize == 2


@pytest.mark.parametrize(("name", "size"), [("float64", 8), ("float32", 4), ("float16", 2)])
def test_the_other_formats_are_numpys_own(name, size):
    assert numpy_dtype(name) == np.dtype(f"f{size}")
