"""Describe the index of an element, as the author of a complex tensor sees it.

A complex tensor of shape s is stored as a real one of shape (*s, 2), so that the last number of an
index says which part is meant.
"""

from collections.abc import Sequence

from autograd_by_hand.core.messages import Message


def listed_index(index: Sequence[int], *, by_parts: bool) -> str:
    """The numbers of an index, such as "0, 2", and for a complex tensor which part it is."""
    if not by_parts:
        return ", ".join(map(str, index))
    *own, part = index
    name = Message("imaginary part") if part else Message("real part")
    if not own:
        return name
    return Message("{index}; {part}", index=", ".join(map(str, own)), part=name)


def index_in_brackets(index: Sequence[int], *, by_parts: bool) -> str:
    """The index as Python writes it, such as "(0, 2)"; for a complex tensor with the part."""
    if not by_parts:
        return str(tuple(index))
    return Message("({index})", index=listed_index(index, by_parts=True))
