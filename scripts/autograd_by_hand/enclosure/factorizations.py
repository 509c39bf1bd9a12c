"""Definitions of matrix factorizations, and of what is computed with them, as programs of torch.

A factorization that is unique only up to signs or to an order of rows is the one that torch makes
of the same numbers. Their arguments are those of the ATen operation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from flint import arb
from torch import Tensor

from autograd_by_hand.enclosure.balls import ZERO, Array, complex_balls, parts_of
from autograd_by_hand.enclosure.failures import NoEnclosure, Undecided, Undefined
from autograd_by_hand.enclosure.linear_algebra import NOTHING, solve
from autograd_by_hand.enclosure.piecewise import order
from autograd_by_hand.enclosure.tensor import balls_of, midpoints_of

EPS = torch.finfo(torch.float64).eps
PIVOT = "the choice of a pivot"
ESTIMATED = 100  # lstsq estimates the least singular value, within such a factor


def _identity(size: int) -> Tensor:
    return torch.eye(size, dtype=torch.float64)


def _padded(part: Tensor, before: int, after: int) -> Tensor:
    """A part of a column with zeros before and after."""
    return torch.nn.functional.pad(part, (0, 0, before, after))


def _eliminated(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The factors L, with ones on its diagonal, and U of (..., m, n), without moving rows."""
    rows, columns = matrix.shape[-2:]
    least = min(rows, columns)
    lower, upper, rest = [], [], matrix
    for k in range(least):
        top = rest[..., :1, :]
        below = rest[..., 1:, :1] / top[..., :1]
        one = torch.ones_like(top[..., :1])
        lower.append(_padded(torch.cat([one, below], -2), k, 0))
        upper.append(torch.nn.functional.pad(top, (k, 0)))
        rest = rest[..., 1:, 1:] - below * top[..., 1:]
    if not least:
        return matrix.new_zeros((*matrix.shape[:-1], 0)), matrix.narrow(-2, 0, 0).clone()
    return torch.cat(lower, -1), torch.cat(upper, -2)


def _pivots(matrix: Array) -> list[int]:
    """The row, from 1 on, that partial pivoting swaps with each: where a column is the greatest.

    matrix: the real and imaginary parts, (m, n, 2)
    """
    rest, found = matrix.copy(), []
    for k in range(min(rest.shape[:2])):
        sizes = [abs(real) + abs(imaginary) for real, imaginary in rest[k:, k]]
        best = 0
        for at in range(1, len(sizes)):
            if order(sizes[at], sizes[best], PIVOT) > 0:
                best = at
        others = sizes[:best] + sizes[best + 1 :]
        if any(order(one, sizes[best], PIVOT) == 0 for one in others) and not sizes[best].is_zero():
            raise Undefined("lu has no derivative at these inputs: another pivot is as great.")
        found.append(k + best + 1)
        rest[[k, k + best]] = rest[[k + best, k]]
        if not sizes[best].is_zero():
            numbers = complex_balls(rest[k:, k:])
            below = numbers[1:, :1] / numbers[0, 0]
            rest[k + 1 :, k + 1 :] = parts_of(numbers[1:, 1:] - below * numbers[:1, 1:])
    return found


def _all_pivots(matrix: Tensor) -> Tensor:
    """The pivots of (..., m, n), as LAPACK stores them."""
    values = balls_of(matrix)
    *lead, rows, columns = matrix.shape
    found = np.empty((*lead, min(rows, columns)), np.int32)
    for index in np.ndindex(*lead):
        found[index] = _pivots(values[index])
    return torch.from_numpy(found)


def _row_orders(pivots: Tensor, rows: int) -> Tensor:
    """The order of rows, from 0 on, in which a matrix is L U; from what LAPACK stores."""
    steps = pivots.numpy()
    found = np.empty((*steps.shape[:-1], rows), np.int64)
    found[...] = np.arange(rows)
    for index in np.ndindex(*steps.shape[:-1]):
        for k, other in enumerate(steps[index]):
            found[index][[k, other - 1]] = found[index][[other - 1, k]]
    return torch.from_numpy(found)


def _permutation(orders: Tensor) -> Tensor:
    """The matrix P of A = P L U."""
    return _identity(orders.shape[-1])[orders].mT


def _lu(matrix: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The pivots, and P, L and U."""
    if not pivot:
        raise NoEnclosure("lu without pivots has no rule in ball arithmetic.")
    pivots = _all_pivots(matrix)
    orders = _row_orders(pivots, matrix.shape[-2])
    rows = matrix.gather(-2, orders[..., None].expand(matrix.shape))
    return pivots, _permutation(orders), *_eliminated(rows)


def _lu_factors(matrix: Tensor, *, pivot: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    _, moved, lower, upper = _lu(matrix, pivot)
    return moved, lower, upper


def _lu_packed(
    matrix: Tensor, *, pivot: bool = True, **_flags: Any
) -> tuple[Tensor, Tensor, Tensor]:
    pivots, _, lower, upper = _lu(matrix, pivot)
    rows, columns = matrix.shape[-2:]
    below = torch.nn.functional.pad(lower.tril(-1), (0, columns - min(rows, columns)))
    above = _padded(upper, 0, rows - min(rows, columns))
    return below + above, pivots, torch.zeros(matrix.shape[:-2], dtype=torch.int32)


def _lu_unpacked(
    packed: Tensor, pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    rows, columns = packed.shape[-2:]
    least = min(rows, columns)
    moved = _permutation(_row_orders(pivots, rows)) if unpack_pivots else NOTHING
    if not unpack_data:
        return moved, NOTHING, NOTHING
    ones = _identity(rows)[:, :least]
    return moved, packed[..., :least].tril(-1) + ones, packed[..., :least, :].triu()


def _lu_solved(
    packed: Tensor, pivots: Tensor, right: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    moved, lower, upper = _lu_unpacked(packed, pivots)
    matrix = moved @ (lower @ upper)
    return solve(matrix.mH if adjoint else matrix, right, left)


def qr(matrix: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Q and R of (..., m, n) by Gram and Schmidt, with the signs that LAPACK gives R's diagonal."""
    rows, columns = matrix.shape[-2:]
    least = min(rows, columns)
    if mode == "complete" and rows > columns:
        raise NoEnclosure("qr: the last columns of a complete Q are not unique.")
    made = torch.linalg.qr(midpoints_of(matrix), mode="r").R.diagonal(dim1=-2, dim2=-1).real
    signs = torch.where(made < 0, -1.0, 1.0)
    found: list[Tensor] = []
    for k in range(least):
        column = matrix[..., k : k + 1]
        for earlier in found:
            column = column - earlier * (earlier.mH @ matrix[..., k : k + 1])
        size = torch.linalg.vector_norm(column, dim=-2, keepdim=True)
        found.append(column / (size * signs[..., k, None, None]))
    basis = torch.cat(found, -1) if found else matrix.narrow(-1, 0, 0).clone()
    return (NOTHING if mode == "r" else basis), (basis.mH @ matrix).triu()


def _reflected(vectors: Tensor, factors: Tensor, to: Tensor, adjoint: bool = False) -> Tensor:
    """Multiply by the product Q of the reflections I - tau v v^H, or by its adjoint."""
    steps = range(factors.shape[-1])
    for k in steps if adjoint else reversed(steps):
        one = torch.ones_like(vectors[..., :1, :1])
        vector = _padded(torch.cat([one, vectors[..., k + 1 :, k : k + 1]], -2), k, 0)
        factor = factors[..., k, None, None]
        to = to - vector * ((factor.conj() if adjoint else factor) * (vector.mH @ to))
    return to


def _householder_product(vectors: Tensor, factors: Tensor) -> Tensor:
    start = _identity(vectors.shape[-2])[:, : vectors.shape[-1]]
    return _reflected(vectors, factors, start.expand(vectors.shape))


def _multiplied_by_q(
    vectors: Tensor, factors: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    if left:
        return _reflected(vectors, factors, other, transpose)
    return _reflected(vectors, factors, other.mH, not transpose).mH


def pseudoinverse(matrix: Tensor, absolute: float, relative: float) -> Tensor:
    """The pseudoinverse of (..., m, n) whose rank is proven to be full.

    absolute, relative: up to which a singular value counts as zero, the second times the greatest

    Raises
        NoEnclosure: if a singular value may lie below that.
        Undecided: if more bits must decide it.
    """
    rows, columns = matrix.shape[-2:]
    if not min(rows, columns):
        return matrix.mH.clone()
    adjoint = matrix.mH
    found: Tensor
    if rows >= columns:
        found = torch.linalg.inv(adjoint @ matrix) @ adjoint
    else:
        found = adjoint @ torch.linalg.inv(matrix @ adjoint)
    for inverted, own in zip(_norms(found), _norms(matrix), strict=True):
        if not inverted.is_finite():
            raise Undecided("a pseudoinverse: it is not decided whether the rank is full.")
        # 1 / |A^+| is at most the least singular value, and |A| at least the greatest.
        if not inverted * arb(absolute).max(relative * own) < 1:
            raise NoEnclosure("a pseudoinverse of a matrix whose rank is not proven to be full.")
    return found


def _norms(matrices: Tensor) -> list[arb]:
    """The Frobenius norm of each of a stack."""
    flat = balls_of(matrices).reshape(-1, matrices.shape[-2] * matrices.shape[-1], 2)
    return [sum((part * part for one in each for part in one), ZERO).sqrt() for each in flat]


def _pinv(matrix: Tensor, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Tensor:
    if hermitian:
        raise NoEnclosure("pinv of one triangle of a matrix has no rule in ball arithmetic.")
    absolute = 0.0 if atol is None else float(atol.max())
    share = 0.0 if absolute else max(matrix.shape[-2:]) * EPS
    return pseudoinverse(matrix, absolute, share if rtol is None else float(rtol.max()))


def _least_squares(
    matrix: Tensor, right: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    is_vector = right.dim() == matrix.dim() - 1
    columns = right.unsqueeze(-1) if is_vector else right
    rows, inner = matrix.shape[-2:]
    share = max(rows, inner) * EPS if rcond is None else rcond
    found = pseudoinverse(matrix, 0.0, ESTIMATED * share) @ columns
    residuals: Tensor = torch.empty(0, dtype=torch.float64)
    if rows > inner and driver not in (None, "gelsy"):
        residuals = (matrix @ found - columns).abs().square().sum(-2)
    rank = torch.full(matrix.shape[:-2], min(rows, inner))
    return (found.squeeze(-1) if is_vector else found), residuals, rank, NOTHING


def _of_root(root: Tensor, upper: bool) -> Tensor:
    """The matrix that has this Cholesky factor."""
    part = root.triu() if upper else root.tril()
    return part.mH @ part if upper else part @ part.mH


FACTORIZATIONS: dict[str, Callable[..., Any]] = {
    "linalg_lu": _lu_factors,
    "linalg_lu_factor_ex": _lu_packed,
    "linalg_lu_solve": _lu_solved,
    "lu_unpack": _lu_unpacked,
    "linalg_qr": qr,
    "linalg_householder_product": _householder_product,
    "ormqr": _multiplied_by_q,
    "linalg_pinv": _pinv,
    "linalg_lstsq": _least_squares,
    "cholesky_solve": lambda right, root, upper=False: solve(_of_root(root, upper), right),
    "cholesky_inverse": lambda root, upper=False: torch.linalg.inv(_of_root(root, upper)),
}
