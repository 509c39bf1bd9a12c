import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.verdict.other_calls import expanded, transposed, uneven, with_gaps

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(SHAPES, st.sampled_from([transposed, with_gaps, uneven]))
def test_a_layout_has_the_numbers_of_the_tensor(shape, layout):
    tensor = torch.randn(shape)
    assert torch.equal(layout(tensor), tensor)


@given(SHAPES)
def test_an_expanded_tensor_has_one_number_and_memory_for_all(shape):
    tensor = torch.full(shape, 7.0)
    found = expanded(tensor)
    assert torch.equal(found, tensor)
    assert set(found.stride()) == {0}
    memory = found.as_strided([tensor.numel()], [1])
    assert (memory == 7).sum() == 1  # what is read at other places is seen


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int64, torch.bool])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 5), (2, 1, 4)])
def test_a_tensor_of_two_elements_or_more_can_be_uneven(shape, dtype):
    assert not uneven(torch.ones(shape).to(dtype)).is_contiguous()


def test_a_tensor_with_one_long_axis_cannot_be_transposed():
    assert transposed(torch.ones(1, 5)).is_contiguous()
