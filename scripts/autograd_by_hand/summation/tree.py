"""The order in which the summands of one sum are added: a binary tree, and its notation.

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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tree = NDArray[np.int32]
ADD = -1


@dataclass(frozen=True)
class Order:
    """How one sum is added.

    tree: over the terms, and the bias as the last summand where there is one
    fused: per summand, whether its product goes into the addition unrounded
    from_zero: whether the sum starts from +0, which shows where all summands are -0
    compensated: whether what each addition loses is summed apart and added at the end
    """

    tree: Tree
    fused: NDArray[np.bool_]
    from_zero: bool = False
    compensated: bool = False


@dataclass(frozen=True, eq=False)
class Orders:
    """The orders of all positions of a kernel's result; the same only as itself.

    which: (batch, rows, columns), the number of each position's order
    """

    which: NDArray[np.int32]
    orders: list[Order]


def everywhere(order: Order, shape: Iterable[int]) -> Orders:
    """One order at all positions, (batch, rows, columns); the array of numbers takes no memory."""
    return Orders(np.broadcast_to(np.int32(0), tuple(shape)), [order])


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


def summands_under(tree: Tree, first: int, second: int) -> int:
    """How many summands lie under the lowest common ancestor of two of them."""
    places = {number: place for place, number in enumerate(summands(tree).tolist())}
    low, high = sorted((places[first], places[second]))
    least = len(places)
    stack: list[tuple[int, int]] = []  # of each operand the first place, and the place after it
    at = 0
    for step in tree.tolist():
        if step != ADD:
            stack.append((at, at + 1))
            at += 1
            continue
        (_, end), (start, _) = stack.pop(), stack.pop()
        stack.append((start, end))
        if start <= low and high < end:
            least = min(least, end - start)
    return least


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
    return written_list(spines(tree))


def written_list(operands: list[Any]) -> str:
    """Operands, nested lists among them, in the notation of this module."""
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
            parts.append(written_list(one) if isinstance(one, list) else str(one))
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
            stack[-1] += [leaf(number) for number in numbers_read(token)]
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError(f"{text[:60]!r} is no order of a sum")
    tree = stack[0][0]
    if not np.array_equal(np.sort(summands(tree)), np.arange((len(tree) + 1) // 2)):
        raise ValueError(f"{text[:60]!r} does not add each summand once")
    return tree


def joined_alone(tree: Tree) -> Iterator[tuple[int, int, int, bool]]:
    """Each addition of a single summand: its place in the tree, the summand, one it is added to.

    The fourth value tells whether that one is single too.
    """
    stack: list[tuple[int, bool]] = []  # the first summand under an operand; whether it is all
    for at, step in enumerate(tree.tolist()):
        if step != ADD:
            stack.append((step, True))
            continue
        second, alone = stack.pop()
        first, first_alone = stack.pop()
        if alone:
            yield at, second, first, first_alone
        stack.append((first, False))


def fuses_throughout(order: Order, terms: int) -> bool:
    """Whether every product that is added singly is fused. terms: summands that are products."""
    return all(
        order.fused[summand] for _, summand, _, _ in joined_alone(order.tree) if summand < terms
    )


def unfused(orders: Orders) -> Orders:
    """The same orders with every product rounded before it is added."""
    if not any(order.fused.any() for order in orders.orders):
        return orders
    return Orders(
        orders.which,
        [replace(order, fused=np.zeros_like(order.fused)) for order in orders.orders],
    )


def numbers_read(text: str) -> Iterator[int]:
    """The summands that a text without brackets names, ranges among them."""
    for token in text.split():
        parts = [int(part) for part in token.split(":")]
        yield from range(*parts) if len(parts) > 1 else parts
