"""Say in words in which order a sum is added."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.lib.order import Tree, spines


@dataclass(frozen=True)
class _Joined:
    """Strands, which are summands added one after another, and how their sums are added.

    depth: additions on the longest way from a strand's sum to the result
    """

    strands: list[list[int]]
    depth: int


def described(tree: Tree, bias: bool) -> str:
    """The order in words. bias: whether the last summand is one."""
    operands, last = spines(tree), len(tree) // 2
    if last == 0:
        return "a single summand"
    words = ""
    if bias:
        at_end, at_start = operands[-1] == last, operands[0] == last
        place = "the bias last" if at_end else "starting from the bias" if at_start else None
        words = f", {place or 'the bias in between'}"
        operands = _without(operands, last)
    return _described(_joined(operands)) + words


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
        return f"in pairs, then pairs of pairs, {joined.depth + 1} levels deep"
    steps = Counter(step for one in strands for step in np.diff(one).tolist())
    step = steps.most_common(1)[0][0]
    upto = "" if all(len(one) == longest for one in strands) else "up to "
    what = (
        f"in {len(strands)} blocks of {upto}{longest} neighbours"
        if all(max(one) - min(one) < len(one) for one in strands)
        else f"in {len(strands)} lanes of {upto}{longest} summands, {abs(step)} apart"
    )
    if joined.depth == len(strands) - 1 and len(strands) > 2:
        return f"{what}, whose sums are added one after another"
    if joined.depth == int(np.ceil(np.log2(len(strands)))):
        return f"{what}, whose sums are added {'in pairs' if len(strands) > 2 else 'at the end'}"
    return f"{what}, whose sums are added in a tree {joined.depth} levels deep"


def _one_after_another(numbers: list[int]) -> str:
    steps = set(np.diff(numbers).tolist())
    if len(numbers) == 1:
        return "a single summand"
    if len(numbers) == 2:
        return "the one added to the other"
    if len(steps) == 1:
        return "one after another" if steps.pop() > 0 else "one after another, from the last"
    first = ", ".join(map(str, numbers[:6]))
    return f"one after another, in the order {first}{', ...' if len(numbers) > 6 else ''}"
