"""The order in which the summands of one sum are added: a binary tree, and its notation.

A tree over the summands 0 .. n-1 is stored in postorder: a number pushes that summand, ADD pops the
last two results and pushes their sum. `0 1 ADD 2 ADD` is (s0 + s1) + s2. The first operand of an
ADD is the accumulator, the second is added to it. The value of the sum depends on which operand is
first only if both are single products and one of them is fused.

Notation: an expression in brackets adds its operands from left to right. An operand is a summand's
number, a range `first:end` or `first:end:step` of summands, or an expression in brackets. `(0:600)`
is a plain loop; `((0:8:4) (1:8:4) (2:8:4) (3:8:4))` is four lanes, whose sums are added last.
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

    tree: over the terms and, as the last summand, the bias if there is one
    fused: for each summand, whether its product goes into the addition unrounded
    from_zero: whether the sum starts from +0, which matters only if all summands are -0
    compensated: whether the rounding errors are summed separately and added at the end
    """

    tree: Tree
    fused: NDArray[np.bool_]
    from_zero: bool = False
    compensated: bool = False


@dataclass(frozen=True, eq=False)
class Orders:
    """The orders of all positions of a kernel's result; compared by identity.

    which: (batch, rows, columns), the number of each position's order
    """

    which: NDArray[np.int32]
    orders: list[Order]


def everywhere(order: Order, shape: Iterable[int]) -> Orders:
    """Use one order at all positions of a shape (batch, rows, columns), without an array of it."""
    return Orders(np.broadcast_to(np.int32(0), tuple(shape)), [order])


def chain(parts: list[Tree]) -> Tree:
    """Return the tree that adds the operands `parts` from left to right."""
    total = [parts[0]]
    for part in parts[1:]:
        total += [part, np.array([ADD], np.int32)]
    return np.concatenate(total)


def leaf(number: int) -> Tree:
    """Return the tree of one summand."""
    return np.array([number], np.int32)


def in_turn(summands: Any) -> Tree:
    """Return the tree that adds summands one after another, in the order given."""
    numbers = np.asarray(summands, np.int32)
    tree = np.full(2 * len(numbers) - 1, ADD, np.int32)
    tree[0] = numbers[0]
    tree[1::2] = numbers[1:]
    return tree


def pairwise(count: int) -> Tree:
    """Return the tree that adds neighbours in pairs, then the sums in pairs, and so on."""
    trees = [leaf(number) for number in range(count)]
    while len(trees) > 1:
        trees = [chain(trees[at : at + 2]) for at in range(0, len(trees), 2)]
    return trees[0]


def summands(tree: Tree) -> NDArray[np.int32]:
    """Return the summands in the order in which the tree contains them."""
    return tree[tree >= 0]


def summands_under(tree: Tree, first: int, second: int) -> int:
    """Count the summands under the lowest common ancestor of two of them."""
    indices = {number: index for index, number in enumerate(summands(tree).tolist())}
    low, high = sorted((indices[first], indices[second]))
    least = len(indices)
    stack: list[tuple[int, int]] = []  # each operand's first index and end
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
    """Return the same tree with summand k replaced by numbers[k]."""
    return np.where(tree >= 0, numbers[np.maximum(tree, 0)], ADD).astype(np.int32)


def spines(tree: Tree) -> list[Any]:
    """Return the tree as nested lists, each with the operands of one chain from left to right.

    A chain of single summands to which another such chain is added becomes an operand of its own,
    since it is a block or a lane like the other.
    """
    stack: list[Any] = []
    for step in tree.tolist():
        if step != ADD:
            stack.append(step)
            continue
        added, onto = stack.pop(), stack.pop()
        begins = isinstance(onto, list) and isinstance(added, list) and _plain(onto)
        if (
            isinstance(onto, list) and not begins
        ):  # the accumulator is a chain already, which continues
            onto.append(added)
            stack.append(onto)
        else:
            stack.append([onto, added])
    return stack[0] if isinstance(stack[0], list) else [stack[0]]


def _plain(operands: list[Any]) -> bool:
    return isinstance(operands[0], int) and isinstance(operands[-1], int)


def written(tree: Tree) -> str:
    """Return the tree in the notation of this module."""
    return written_list(spines(tree))


def written_list(operands: list[Any]) -> str:
    """Return operands, which may be nested lists, in the notation of this module."""
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
    """Count the summands from `at` on that are in arithmetic progression."""
    end = at
    while end < len(operands) and not isinstance(operands[end], list):
        if end >= at + 2 and operands[end] - operands[end - 1] != operands[at + 1] - operands[at]:
            break
        end += 1
    return end - at


def read(text: str) -> Tree:
    """Read a tree that `written` returned.

    Raises
        ValueError: if the text is not a tree that contains each summand of 0 .. n-1 once.
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
    """Yield each addition of a single summand: its index in the tree, and the summand.

    The third value is the first summand of the other operand; the fourth is whether that is single.
    """
    stack: list[tuple[int, bool]] = []  # an operand's first summand; whether it is the only one
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
    """Return whether every product that is added singly is fused.

    terms: how many of the summands are products
    """
    return all(
        order.fused[summand] for _, summand, _, _ in joined_alone(order.tree) if summand < terms
    )


def unfused(orders: Orders) -> Orders:
    """Return the same orders with every product rounded before it is added."""
    if not any(order.fused.any() for order in orders.orders):
        return orders
    return Orders(
        orders.which,
        [replace(order, fused=np.zeros_like(order.fused)) for order in orders.orders],
    )


def numbers_read(text: str) -> Iterator[int]:
    """Yield the summands in a text of numbers and ranges without brackets."""
    for token in text.split():
        parts = [int(part) for part in token.split(":")]
        yield from range(*parts) if len(parts) > 1 else parts
