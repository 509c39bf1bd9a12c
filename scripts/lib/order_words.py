"""Say in words in which order a sum is added."""

from typing import Any

import numpy as np

from scripts.lib.order import Tree, spines


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
    if len(operands) == 1 and isinstance(operands[0], list):
        operands = operands[0]
    return _described(operands) + words


def _without(operands: list[Any], number: int) -> list[Any]:
    kept = [_without(one, number) if isinstance(one, list) else one for one in operands]
    return [one for one in kept if one not in (number, [])]


def _described(operands: list[Any]) -> str:
    if all(isinstance(one, int) for one in operands):
        return _one_after_another(operands)
    groups = [one if isinstance(one, list) else [one] for one in operands]
    leaves = [_leaves(one) for one in groups]
    sizes = [len(one) for one in leaves]
    size = max(sizes)
    if _is_split(groups):
        depth = int(np.ceil(np.log2(sum(sizes))))
        return f"in pairs, then pairs of pairs, {depth} levels deep"
    strides = {
        second - first for one in leaves if len(one) > 1 for first, second in [sorted(one)[:2]]
    }
    inner = _described(groups[sizes.index(size)]) if size > 1 else ""
    if strides and min(strides) > 1:
        stride = min(strides)
        lanes = f"{len(groups)} lanes (a summand in {stride} each)"
        return f"in {lanes}; each lane {inner}; then lane by lane"
    if all(max(one) - min(one) + 1 == len(one) for one in leaves):
        even = len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]
        blocks = f"blocks of {'' if even else 'up to '}{size}"
        return f"in {blocks}; each block {inner}; then block by block"
    return f"in {len(groups)} groups of up to {size}; each group {inner}; then group by group"


def _one_after_another(numbers: list[int]) -> str:
    steps = set(np.diff(numbers).tolist())
    if len(numbers) == 2:
        return "the one added to the other"
    if len(steps) == 1:
        step = steps.pop()
        return "one after another" if step > 0 else "one after another, from the last"
    return "one after another, in an order of its own"


def _is_split(groups: list[Any]) -> bool:
    """Whether a chain of these is a balanced tree: each operand as heavy as all before it."""
    sizes = [len(_leaves(one)) for one in groups]
    total = sizes[0]
    for size in sizes[1:-1]:
        if size != total:
            return False
        total += size
    return sizes[0] == 2 and sizes[-1] <= total and all(_is_whole(one) for one in groups)


def _is_whole(one: list[Any]) -> bool:
    """Whether an operand of a balanced tree is balanced itself."""
    return len(_leaves(one)) <= 2 or _is_split([part for part in one if isinstance(part, list)])


def _leaves(operands: list[Any]) -> list[int]:
    found, todo = [], [operands]
    while todo:
        for part in todo.pop():
            if isinstance(part, list):
                todo.append(part)
            else:
                found.append(part)
    return found
