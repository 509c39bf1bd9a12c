"""The rounding noise that a gradient must have at its inputs: the unit in which errors are judged.

This is Monte Carlo arithmetic (Parker, Monte Carlo Arithmetic: exploiting randomness in
floating-point arithmetic, UCLA CSD-970002, 1997): forward and autograd's backward are executed in
float64, and the result of each operation is rounded to the dtype at random, up or down; the nearer
neighbour is the more probable one. An exact result stays exact. Kernels that combine several
operations are decomposed first, so that the noise is that of a plain program, step by step.

A sum is given the error of adding its n summands one after another in a random order. With T their
sum and Q the sum of their squares, a partial sum of k summands has the mean square kQ/n +
k(k-1)(T^2-Q)/(n(n-1)); the sum over k is (n+1)(Q/6 + T^2/3). The random rounding of an addition
has, averaged over magnitudes, the variance u^2/3 times the square of its result (Higham & Mary, A
new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41, 2019, give the same
growth), where u is the unit roundoff of the accumulator's dtype: float32 for the half formats.

A factorization of a matrix with n columns is that of a matrix nearby: each column is off by about
sqrt(n) u times its norm (Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002,
section 19.3, with sqrt(n) in place of n as errors of either sign add up), so that is added first.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import has_memory
from autograd_by_hand.aten.torch_private import writes_to_an_input
from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.floats.rounding import accumulator
from autograd_by_hand.verdict.decisions import Decisions
from autograd_by_hand.verdict.noise_grid import BITS_FOR_FLOAT64, Grid
from autograd_by_hand.verdict.step_by_step import (
    BIASES,
    FACTORIZATIONS,
    PURE_SUMS,
    StepByStep,
    adds,
)

aten = torch.ops.aten

ROUNDED = (torch.float64, torch.complex128)


@dataclass(frozen=True)
class DrawnNoise:
    """What the draws of all roundings show of one run.

    noise: by gradient, each element's rms difference; inf if the program failed in a draw
    jumps: by gradient, each element's greatest change by decisions that rounding may turn
    overflows: by operation, in how many draws it overflowed
    """

    noise: dict[str, Tensor]
    jumps: dict[str, Tensor]
    overflows: Counter[str]


def draw_noise(
    vjp: Callable[[], dict[str, Tensor]],
    dtype: str,
    draws: int,
    generator: np.random.Generator,
) -> DrawnNoise:
    """Measure each element's noise: its rms difference over some draws of all roundings.

    vjp: computes the gradients in float64, from inputs on the grid of the dtype
    draws: how often all roundings are drawn
    """
    scale = 2.0 ** (Grid.of(dtype).bits - precision(dtype))  # float64's grid is coarser than itself
    decisions = Decisions(scale)
    with StepByStep(decisions):
        exact = vjp()
    squares = {name: torch.zeros_like(value) for name, value in exact.items()}
    overflows: Counter[str] = Counter()
    for _ in range(draws):
        decisions.hold()
        with RandomRounding(dtype, generator, decisions) as arithmetic:
            drawn = _unless_it_fails(vjp, exact)
        for name, value in exact.items():
            squares[name] += drawn.pop(name).sub_(value).square_()
        overflows.update(arithmetic.overflows.keys())
    noise = {name: square.div_(draws).sqrt_().mul_(scale) for name, square in squares.items()}
    jumps = {name: torch.zeros_like(value) for name, value in exact.items()}
    for _ in decisions.turned():
        with StepByStep(decisions):
            turned = _unless_it_fails(vjp, exact)
        for name, value in exact.items():
            torch.fmax(jumps[name], turned.pop(name).sub_(value).abs_(), out=jumps[name])
    return DrawnNoise(noise, jumps, overflows)


def _unless_it_fails(
    vjp: Callable[[], dict[str, Tensor]], exact: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Compute the gradients, infinite where the program fails with the rounding errors it is given.

    A rounded covariance may have no Cholesky factor, for example, although the exact one has.

    exact: the gradients without rounding, of which the program is known not to fail
    """
    try:
        return vjp()
    except UserError:
        return {name: torch.full_like(value, torch.inf) for name, value in exact.items()}


class RandomRounding(StepByStep):
    """A context in which each float64 result is rounded to the grid of a dtype at random.

    overflows: by operation, how many results became infinite although they are finite in float64
    """

    def __init__(
        self, dtype: str, generator: np.random.Generator, decisions: Decisions | None = None
    ) -> None:
        super().__init__(decisions)
        self.overflows: Counter[str] = Counter()
        self._grid = Grid.of(dtype)
        sums = BITS_FOR_FLOAT64 if dtype == "float64" else precision(accumulator(dtype))
        self._roundoff_of_sums = 2.0**-sums
        self._generator = generator

    def step(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute an operation, and round its float64 results at random."""
        if func in FACTORIZATIONS and args[0].dtype in ROUNDED:
            args = (self._nearby(args[0]), *args[1:])
        results = func(*args, **kwargs)
        several = isinstance(results, tuple | list)
        each = list(results) if several else [results]
        sums = _sums(func, args, kwargs) if adds(func, kwargs) else [None] * len(each)
        each = [self._inexact(func, *one) for one in zip(each, sums, strict=True)]
        return type(results)(each) if several else each[0]

    def _nearby(self, matrix: Tensor) -> Tensor:
        """Return a matrix of which a computed factorization is the exact one."""
        rows, columns = matrix.shape[-2:]
        usual = matrix.abs().square().mean(-2, keepdim=True).sqrt()  # of a column's elements
        even = torch.from_numpy(self._generator.random((*matrix.shape,))).to(matrix.device)
        error = (even - 0.5) * sqrt(12 * min(rows, columns)) * self._roundoff_of_sums
        return matrix + error * usual

    def _inexact(self, func: Any, result: Any, summed: "Summed | None") -> Any:
        """Return one result of an operation with a random rounding error.

        Both parts of a complex result are rounded.

        summed: what the result is a sum of, None if it is not a sum
        """
        if not isinstance(result, Tensor) or result.dtype not in ROUNDED:
            return result
        if not result.numel() or result.is_meta or not has_memory(result):
            return result
        parts = result
        if result.is_complex():
            parts = torch.view_as_real(result.resolve_conj())
            summed = summed and summed.of_parts()
        value = torch.empty_like(parts, memory_format=torch.contiguous_format)
        exact, rounded, overflows = parts.reshape(-1), value.view(-1), False
        for part in blocks(len(exact)):
            one = exact[part]
            if summed is not None:
                even = torch.from_numpy(self._generator.random(len(one)))
                error = (even.to(one) - 0.5) * sqrt(12) * summed.deviation(one, part)
                one = one + error * self._roundoff_of_sums
            random = self._generator.integers(-(2**63), 2**63, len(one), np.int64)
            rounded[part] = self._grid.rounded(one, torch.from_numpy(random).to(one.device))
            overflows |= bool((rounded[part].isinf() & exact[part].isfinite()).any())
        if overflows:
            self.overflows[str(func).split(".")[1]] += 1
        if result.is_complex():
            value = torch.view_as_complex(value)
        if writes_to_an_input(func):  # it wrote into its argument and returns it
            return result.copy_(value)
        return value


@dataclass(frozen=True)
class Summed:
    """What the results of a sum are sums of.

    squares: the sum of the squares of each result's summands, flat
    count: how many summands each result has, flat; a single number if it is the same for all
    products: whether the summands are products, which have rounding errors of their own
    """

    squares: Tensor
    count: Tensor
    products: bool

    def of_parts(self) -> "Summed":
        """Return the same for each result's real and imaginary part, in turn."""
        several = len(self.count) > 1
        return replace(
            self,
            squares=self.squares.repeat_interleave(2),
            count=self.count.repeat_interleave(2) if several else self.count,
        )

    def deviation(self, totals: Tensor, part: slice) -> Tensor:
        """Return the standard deviation of the error of some of the results, in units of u."""
        squares = self.squares[part]
        count = self.count if len(self.count) == 1 else self.count[part]
        partial = (count + 1) * (squares / 6 + totals.square() / 3)
        variance = (partial + int(self.products) * squares) / 3
        return torch.where(count > 1, variance, 0).sqrt()


def _sums(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Summed | None]:
    """Return what each result of a sum adds up.

    The operation is linear in each of its tensors: applied to their squares it returns the sums of
    the summands' squares, and applied to ones the numbers of summands. Of complex numbers it gets
    the magnitudes.
    """

    def executed(change: Callable[[Tensor], Tensor]) -> list[Any]:
        filled = (
            change(arg.abs() if arg.is_complex() else arg)
            if isinstance(arg, Tensor) and (arg.is_floating_point() or arg.is_complex())
            else arg
            for arg in args
        )
        made = func(*filled, **kwargs)
        return list(made) if isinstance(made, tuple | list) else [made]

    every = executed(torch.square)
    if func in BIASES:
        terms = args[BIASES[func]].shape[-1] + BIASES[func]
        counts = [torch.full((1,), terms, dtype=torch.float64, device=args[0].device)]
    else:
        counts = executed(torch.ones_like)
    return [
        None
        if squares is None
        else Summed(squares.reshape(-1), count.reshape(-1), func not in PURE_SUMS)
        for squares, count in zip(every, counts, strict=True)
    ]
