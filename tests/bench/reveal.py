"""Compare the cost of revealing an order at all positions at once with one pair of masks per call.

The latter is FPRev's recursion (Xie et al., USENIX ATC 2025): it finds only the tree of one
position, without fused products, classes of positions or checks. Both call the same kernel.
"""

import statistics
import time
from typing import Any

import numpy as np
import torch

from autograd_by_hand.summation.kernels import Layout, Product
from autograd_by_hand.summation.reveal import reveal

SIZES = [(2, terms, 64) for terms in (64, 256, 1024, 4096)] + [(600, 600, 600)]
REPEATS = 3


def one_pair_a_call(kernel: Product) -> int:
    """Reveal the tree at the first position with one call per pair; return the number of calls."""
    batch, _, columns = kernel.shape
    own = np.zeros((batch * columns, kernel.terms), np.float32)
    calls = 0

    def under(members: list[int], first: int, second: int) -> int:
        nonlocal calls
        own[0] = 0
        own[0, members] = 1
        own[0, first], own[0, second] = 2.0**120, -(2.0**120)
        calls += 1
        result: float = kernel.add("columns", own, 1.0, 0.0).flat[0]
        return len(members) - int(result)

    waiting = [list(range(kernel.terms))]
    while waiting:
        pivot, *others = members = waiting.pop()
        groups: dict[int, list[int]] = {}
        for other in others:
            groups.setdefault(under(members, pivot, other), []).append(other)
        waiting += [group for group in groups.values() if len(group) > 1]
    return calls


def seconds(function: Any, *args: Any) -> float:
    """The seconds of one call: the median of a few, or a single one if it is long."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
        if times[0] > 2:
            break
    return statistics.median(times)


def main() -> None:
    torch.set_num_threads(1)
    print("| product | all at once | one pair a call | calls | ratio |")
    print("|---|---|---|---|---|")
    for rows, terms, columns in SIZES:
        layouts = [Layout.of(torch.empty(rows, terms)), Layout.of(torch.empty(terms, columns))]
        kernel = Product(torch.ops.aten.mm.default, layouts, bias=False)
        ours = seconds(reveal, kernel, "bench")
        theirs = seconds(one_pair_a_call, kernel)
        print(
            f"| ({rows}, {terms}) @ ({terms}, {columns}) | {ours * 1e3:.1f} ms "
            f"| {theirs * 1e3:.1f} ms | {one_pair_a_call(kernel)} | 1/{theirs / ours:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
