"""Describe in words the order in which a sum is added."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_by_hand.core.messages import Message
from autograd_by_hand.summation.tree import Tree, spines


@dataclass(frozen=True)
class _Joined:
    """Strands (summands added one after another), and how their sums are added.

    depth: additions on the longest path from a strand's sum to the result
    """

    strands: list[list[int]]
    depth: int


def described(tree: Tree, bias: bool) -> str:
    """Describe the order in words.

    bias: whether the last summand is a bias
    """
    operands, last = spines(tree), len(tree) // 2
    if last == 0:
        return Message("a single summand")
    if not bias:
        return _described(_joined(operands))
    order = _described(_joined(_without(operands, last)))
    if operands[-1] == last:
        return Message("{order}, the bias last", order=order)
    if operands[0] == last:
        return Message("{order}, starting from the bias", order=order)
    return Message("{order}, the bias in between", order=order)


def _without(operands: list[Any], number: int) -> list[Any]:
    kept = [_without(one, number) if isinstance(one, list) else one for one in operands]
    return [one for one in kept if one not in (number, [])]


def _joined(operands: list[Any]) -> _Joined:
    strands: list[list[int]] = []
    depth = -1
    open_strand = False
    for one in operands:
        if isinstance(one, list):
            inner = _joined(one)
            strands += inner.strands
            depth, open_strand = max(depth, inner.depth) + (depth >= 0), False
        elif open_strand:
            strands[-1].append(one)
        else:
            strands.append([one])
            depth, open_strand = depth + 1, True
    return _Joined(strands, depth)


def _described(joined: _Joined) -> str:
    strands = joined.strands
    if len(strands) == 1:
        return _one_after_another(strands[0])
    count = sum(map(len, strands))
    longest = max(map(len, strands))
    if longest == 2 and joined.depth + 1 == int(np.ceil(np.log2(count))):
        depth = joined.depth + 1
        return Message("in pairs, then pairs of pairs, {depth} levels deep", depth=depth)
    steps = Counter(step for one in strands for step in np.diff(one).tolist())
    step = steps.most_common(1)[0][0]
    equal = all(len(one) == longest for one in strands)
    size: str | int = longest if equal else Message("up to {longest}", longest=longest)
    if all(max(one) - min(one) < len(one) for one in strands):
        what = Message("in {count} blocks of {size} neighbours", count=len(strands), size=size)
    else:
        apart = abs(step)
        what = Message(
            "in {count} lanes of {size} summands, {apart} apart",
            count=len(strands),
            size=size,
            apart=apart,
        )
    if joined.depth == len(strands) - 1 and len(strands) > 2:
        return Message("{what}, whose sums are added one after another", what=what)
    if joined.depth == int(np.ceil(np.log2(len(strands)))):
        if len(strands) > 2:
            return Message("{what}, whose sums are added in pairs", what=what)
        return Message("{what}, whose sums are added at the end", what=what)
    return Message(
        "{what}, whose sums are added in a tree {depth} levels deep", what=what, depth=joined.depth
    )


def _one_after_another(numbers: list[int]) -> str:
    steps = set(np.diff(numbers).tolist())
    if len(numbers) == 1:
        return Message("a single summand")
    if len(numbers) == 2:
        return Message("the one added to the other")
    if len(steps) == 1:
        if steps.pop() > 0:
            return Message("one after another")
        return Message("one after another, from the last")
    first = ", ".join(map(str, numbers[:6])) + ", ..." * (len(numbers) > 6)
    return Message("one after another, in the order {first}", first=first)
