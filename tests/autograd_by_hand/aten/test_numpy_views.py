import numpy as np
import pytest
import torch

from autograd_by_hand.aten.dispatch import operation
from autograd_by_hand.aten.numpy_views import MEMORY_VIEWS, VIEWS

SHOWN = {**VIEWS, **MEMORY_VIEWS}
CASES = [
    ("aten.t.default", (2, 3), ()),
    ("aten.transpose.int", (2, 3, 4), (0, -1)),
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


def test_every_view_has_a_case():
    assert {name for name, _, _ in CASES} == set(SHOWN)
