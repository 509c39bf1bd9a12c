"""The order in which the summands of one sum are added: a binary tree, its notation, its words.

A tree over the summands 0 .. n-1 is held as its postorder: a summand's number pushes it, ADD takes
the two last results and pushes their sum. `0 1 ADD 2 ADD` is (s0 + s1) + s2. The first operand of
an ADD is the accumulator, the second what is added to it; for the value of a sum that matters only
where both are single products and one of them is fused.

Notation: an expression in brackets adds its operands from left to right. An operand is a summand's
number, a range `first:end` or `first:end:step` of summands one after another, or an expression in
brackets. `(0:600)` is a plain loop; `((0:8:4) (1:8:4) (2:8:4) (3:8:4))` is four lanes, then
their sum.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tree = NDArray[np.int32]
ADD = -1


def chain(parts: list[Tree]) -> Tree:
    """The operands `parts`, added from left to right."""
    total = [parts[0]]
    for part in parts[1:]:
        total += [part, np.array([ADD], np.int32)]
    return np.concatenate(total)


def leaf(number: int) -> Tree:
    """The tree of one summand."""
    return np.array([number], np.int32)


def in_turn(summands: Any) -> Tree:
    """Summands added one after another, in the order given."""
    numbers = np.asarray(summands, np.int32)
    tree = np.full(2 * len(numbers) - 1, ADD, np.int32)
    tree[0] = numbers[0]
    tree[1::2] = numbers[1:]
    return tree


def pairwise(count: int) -> Tree:
    """Neighbours added in pairs, then the pairs' sums, and so on: depth log2 n."""
    trees = [leaf(number) for number in range(count)]
    while len(trees) > 1:
        trees = [chain(trees[at : at + 2]) for at in range(0, len(trees), 2)]
    return trees[0]


def summands(tree: Tree) -> NDArray[np.int32]:
    """The summands in the order in which they stand in the tree."""
    return tree[tree >= 0]


def renumbered(tree: Tree, numbers: NDArray[np.int32]) -> Tree:
    """The same shape with summand k replaced by numbers[k]."""
    return np.where(tree >= 0, numbers[np.maximum(tree, 0)], ADD).astype(np.int32)


def spines(tree: Tree) -> list[Any]:
    """The tree as nested lists: each the operands of one chain, from left to right.

    Where a chain of summands goes on with sums of several, it is one operand of what follows: a
    block or a lane like those.
    """
    stack: list[Any] = []
    for step in tree.tolist():
        if step != ADD:
            stack.append(step)
            continue
        added, onto = stack.pop(), stack.pop()
        begins = isinstance(onto, list) and isinstance(added, list) and _plain(onto)
        if isinstance(onto, list) and not begins:  # the accumulator is a chain already: it goes on
            onto.append(added)
            stack.append(onto)
        else:
            stack.append([onto, added])
    return stack[0] if isinstance(stack[0], list) else [stack[0]]


def _plain(operands: list[Any]) -> bool:
    return isinstance(operands[0], int) and isinstance(operands[-1], int)


def written(tree: Tree) -> str:
    """The tree in the notation of this module."""
    return _written(spines(tree))


def _written(operands: list[Any]) -> str:
    parts, at = [], 0
    while at < len(operands):
        run = _run(operands, at)
        if run > 2:
            first, step = operands[at], operands[at + 1] - operands[at]
            end = first + run * step if step > 0 else operands[at + run - 1] + step
            parts.append(f"{first}:{end}" + (f":{step}" if step != 1 else ""))
        else:
            run = 1
            one = operands[at]
            parts.append(_written(one) if isinstance(one, list) else str(one))
        at += run
    return f"({' '.join(parts)})"


def _run(operands: list[Any], at: int) -> int:
    """How many summands from `at` on are in arithmetic progression."""
    end = at
    while end < len(operands) and not isinstance(operands[end], list):
        if end >= at + 2 and operands[end] - operands[end - 1] != operands[at + 1] - operands[at]:
            break
        end += 1
    return end - at


def read(text: str) -> Tree:
    """The tree that `written` wrote.

    Raises
        ValueError: if the text is no tree over 0 .. n-1, each summand once.
    """
    stack: list[list[Tree]] = [[]]
    for token in re.findall(r"[()]|[^\s()]+", text):
        if token == "(":  # noqa: S105 - a bracket
            stack.append([])
        elif token == ")":  # noqa: S105
            parts = stack.pop()
            if not parts or not stack:
                raise ValueError(f"{text[:60]!r} is no order of a sum")
            stack[-1].append(chain(parts))
        else:
            numbers = [int(part) for part in token.split(":")]
            each = range(*numbers) if len(numbers) > 1 else numbers
            stack[-1] += [leaf(number) for number in each]
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError(f"{text[:60]!r} is no order of a sum")
    tree = stack[0][0]
    if not np.array_equal(np.sort(summands(tree)), np.arange((len(tree) + 1) // 2)):
        raise ValueError(f"{text[:60]!r} does not add each summand once")
    return tree


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
