import pytest

from autograd_by_hand.aten.numpy_axes import axes


@pytest.mark.parametrize("everything", [None, [], ()])
def test_no_axis_means_all(everything):
    assert axes(everything, 2) is None


@pytest.mark.parametrize(("dim", "found"), [(1, (1,)), (-1, (2,)), ([0, -1], (0, 2)), ((0,), (0,))])
def test_an_axis_is_counted_from_the_front(dim, found):
    assert axes(dim, 3) == found


@pytest.mark.parametrize("dim", [0, -1, [0]])
def test_a_number_has_none(dim):
    assert axes(dim, 0) is None
