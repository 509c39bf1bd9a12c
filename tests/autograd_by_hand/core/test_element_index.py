import pytest

from autograd_by_hand.core.element_index import index_in_brackets, listed_index


@pytest.mark.parametrize(
    ("index", "by_parts", "listed", "in_brackets"),
    [
        ([0, 2], False, "0, 2", "(0, 2)"),
        ([3], False, "3", "(3,)"),
        ([], False, "", "()"),
        ([0, 2, 1], True, "0, 2; imaginary part", "(0, 2; imaginary part)"),
        ([5, 0], True, "5; real part", "(5; real part)"),
        ([1], True, "imaginary part", "(imaginary part)"),
    ],
)
def test_the_index_of_a_complex_element_says_which_part_is_meant(
    index, by_parts, listed, in_brackets
):
    assert listed_index(index, by_parts=by_parts) == listed
    assert index_in_brackets(index, by_parts=by_parts) == in_brackets
