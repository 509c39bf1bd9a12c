import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.aten.dispatch import operation
from autograd_by_hand.aten.numpy_views import MEMORY_VIEWS, VIEWS

SHOWN = {**VIEWS, **MEMORY_VIEWS}
CASES = [
    ("aten.t.default", (2, 3), ()),
    ("aten.transpose.int", (2, 3, 4), (0, -1)),
    ("aten.transpose.int", (), (0, -1)),
    ("aten.permute.default", (2, 3, 4), ([2, 0, 1],)),
    ("aten.view.default", (2, 3, 4), ([6, -1],)),
    ("aten._unsafe_view.default", (2, 3, 4), ([6, 4],)),
    ("aten.expand.default", (3, 1), ([2, -1, 4],)),
    ("aten.unsqueeze.default", (2, 3), (-1,)),
    ("aten.squeeze.dim", (2, 1, 3), (1,)),
    ("aten.squeeze.dim", (2, 1, 3), (0,)),
    ("aten.squeeze.dims", (1, 2, 1), ([0, 1, 2],)),
    ("aten.select.int", (2, 3), (1, -1)),
    ("aten.select.int", (3,), (0, 1)),
    ("aten.slice.Tensor", (4, 5), (1, 1, 9223372036854775807, 2)),
    ("aten.as_strided.default", (3, 4), ([3, 2], [4, 1], 1)),
    ("aten.detach.default", (2, 3), ()),
    ("aten.alias.default", (2, 3), ()),
]


@pytest.mark.parametrize(("name", "shape", "args"), CASES, ids=str)
def test_a_view_shows_what_torch_shows_in_the_same_memory(name, shape, args):
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    shown = SHOWN[name](array, *args)
    expected = operation(name)(torch.from_numpy(array), *args)
    assert shown.shape == tuple(expected.shape)
    assert shown.tolist() == expected.tolist()
    assert np.shares_memory(shown, array)


@pytest.mark.parametrize("size", [[2, 3], [1, 1, 2, 3], [-1, 3]])
def test_what_is_expanded_to_no_more_elements_can_be_written_to(size):
    array = np.zeros((2, 3))
    SHOWN["aten.expand.default"](array, size)[...] = 7
    assert array.tolist() == [[7, 7, 7], [7, 7, 7]]


def test_every_view_has_a_case():
    assert {name for name, _, _ in CASES} == set(SHOWN)


NUMBERS = np.arange(12, dtype=np.float64)
AMONG = NUMBERS[4:8]  # with memory that is not its own before and after it


def strided(value, *args):
    return MEMORY_VIEWS["aten.as_strided.default"](value, *args)


@pytest.mark.parametrize(
    "args",
    [
        ([5], [1]),
        ([4], [1], 1),
        ([2], [4]),
        ([2, 2], [3, 1]),
        ([1], [1], 4),
        ([4], [-1], 3),
        ([4], [1], -1),
        ([2], [-4]),
        ([-1], [1]),
        ([2**40, 2**40], [2**40, 1]),
        ([2], [2**70]),
        ([2], [1, 1]),
        ([1.0], [1]),
        ([1], ["1"]),
        ([1], [1], 0.5),
        ([1], [None]),
        (4, 1),
    ],
    ids=str,
)
def test_what_lies_outside_the_array_is_not_shown(args):
    with pytest.raises(ValueError, match="as_strided"):
        strided(AMONG, *args)


@pytest.mark.parametrize("value", [AMONG[::-1], np.broadcast_to(AMONG[:1], (4,)), AMONG[::2]])
def test_an_array_that_does_not_lie_row_by_row_shows_its_own_numbers_alone(value):
    shown = strided(value, [value.size], [1])
    assert shown.tolist() == value.tolist()


@given(
    size=st.lists(st.integers(0, 5), max_size=3),
    stride=st.lists(st.integers(-2, 9), max_size=3),
    offset=st.none() | st.integers(-2, 9),
)
def test_as_strided_shows_what_torch_does_or_raises(size, stride, offset):
    try:
        shown = strided(AMONG, size, stride, offset)
    except ValueError:
        with pytest.raises(RuntimeError):
            torch.as_strided(torch.from_numpy(AMONG.copy()), size, stride, offset)
        return
    expected = torch.as_strided(torch.from_numpy(AMONG.copy()), size, stride, offset)
    assert shown.tolist() == expected.tolist()
