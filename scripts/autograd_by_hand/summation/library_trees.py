"""Known orders of libraries' sums, which are tried before a kernel is probed.

Probing a long sum at a single position is slow, because it takes a call for each pair of summands.
The kernels' source code shows how they add; whether the installed build adds in the same order is
checked against its bits, as for any other order.
"""

from collections.abc import Iterator

import numpy as np

from autograd_by_hand.summation.tree import Tree, chain, in_turn, leaf

LEVELS, ROWS_AT_ONCE = 4, 4  # num_levels and ilp_factor of ATen/native/cpu/SumKernel.cpp
VECTORS = (8, 4, 16, 32)  # possible numbers per register, the most common first
BLOCK, UNROLLED = 128, 8  # PW_BLOCKSIZE and the accumulators of numpy's pairwise_sum


def known_trees(count: int) -> Iterator[Tree]:
    """Yield trees over `count` summands that are contiguous in memory; none for short sums."""
    if count >= BLOCK:
        for vector in VECTORS:
            for halves in (False, True):
                yield torch_cascade(count, vector, halves)
        yield numpy_pairwise(count)


def torch_cascade(count: int, vector: int, halves: bool) -> Tree:
    """Return how torch adds contiguous numbers (vectorized_inner_sum, cascade_sum).

    vector: how many numbers of the accumulator's dtype a register holds
    halves: whether two such registers are loaded at once and added first, as for half formats
    """
    width = vector * (2 if halves else 1)
    loads = count // width
    lanes = []
    for lane in range(vector):
        firsts = np.arange(loads) * width + lane
        pairs = [in_turn([at, at + vector]) for at in firsts] if halves else None
        items = pairs or [leaf(at) for at in firsts.tolist()]
        lanes.append(_row_sum(items))
    rest = [leaf(at) for at in range(loads * width, count)]
    return chain([*rest, *(lane for lane in lanes if lane is not None)])


def _row_sum(items: list[Tree]) -> Tree | None:
    """Add as row_sum does: four interleaved sums, the remainder to the first, then all four."""
    rows = len(items) // ROWS_AT_ONCE
    sums = [
        _cascade(items[part : rows * ROWS_AT_ONCE : ROWS_AT_ONCE]) for part in range(ROWS_AT_ONCE)
    ]
    first = [one for one in [sums[0], *items[rows * ROWS_AT_ONCE :]] if one is not None]
    parts = [chain(first) if first else None, *sums[1:]]
    kept = [part for part in parts if part is not None]
    return chain(kept) if kept else None


def _cascade(items: list[Tree]) -> Tree | None:
    """Add as multi_row_sum does: after so many additions, a level passes its sum to the next."""
    power = max(4, int(np.ceil(np.log2(max(len(items), 1)))) // LEVELS)
    step = 1 << power
    levels: list[list[Tree]] = [[] for _ in range(LEVELS)]
    at = 0
    while at + step <= len(items):
        levels[0] += items[at : at + step]
        at += step
        for level in range(1, LEVELS):
            levels[level].append(chain(levels[level - 1]))
            levels[level] = [chain(levels[level])]
            levels[level - 1] = []
            if at & ((step - 1) << (level * power)):
                break
    levels[0] += items[at:]
    kept = [one for level in levels for one in ([chain(level)] if level else [])]
    return chain(kept) if kept else None


def numpy_pairwise(count: int, first: int = 0) -> Tree:
    """Return how numpy adds contiguous numbers (pairwise_sum in loops_utils.h)."""
    if count < UNROLLED:
        return in_turn(range(first, first + count))
    if count <= BLOCK:
        whole = count - count % UNROLLED
        lanes = [in_turn(range(first + lane, first + whole, UNROLLED)) for lane in range(UNROLLED)]
        pairs = [chain(lanes[at : at + 2]) for at in range(0, UNROLLED, 2)]
        both = chain([chain(pairs[:2]), chain(pairs[2:])])
        return chain([both, *(leaf(at) for at in range(first + whole, first + count))])
    half = count // 2
    half -= half % UNROLLED
    return chain([numpy_pairwise(half, first), numpy_pairwise(count - half, first + half)])
