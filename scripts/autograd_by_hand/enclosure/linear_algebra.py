"""Rules of linear algebra: inverses, solutions and determinants by FLINT's matrices of balls."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from flint import acb_mat, arb_mat

from autograd_by_hand.enclosure.balls import (
    NAN,
    ONE,
    ZERO,
    Array,
    adjoint,
    as_array,
    conjugated,
    filled,
    from_matrix,
    product,
    to_matrix,
)
from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.tape import Tape
from autograd_by_hand.enclosure.tensor import (
    Operand,
    alike,
    midpoints_of,
    numbers_of,
    recorded,
)

Rule = Callable[..., Any]


Matrix = arb_mat | acb_mat


def _each(function: Callable[[Matrix], Matrix], matrices: Array) -> Array:
    """Apply a function of matrices to each of a stack (..., n, n)."""
    result = np.empty_like(matrices, dtype=object)
    for index in np.ndindex(*matrices.shape[:-2]):
        result[index] = from_matrix(function(to_matrix(matrices[index])))
    return result


def _inverted(matrix: Matrix) -> Matrix:
    """The inverse; nan if the matrix is singular or may be."""
    size = matrix.nrows()
    try:
        return matrix.inv() if size else matrix
    except ZeroDivisionError:
        return type(matrix)(size, size, [NAN] * size**2)


def inverse(tape: Tape, argument: Any) -> Operand:
    """The inverse of (..., n, n)."""
    (operand,) = alike(argument)
    found = _each(_inverted, numbers_of(operand))
    back = adjoint(found)

    def pull(cotangents: Array) -> list[Array | None]:
        return [as_array(-product(product(back, cotangents), back))]

    result = recorded(tape, [operand], found, pull)
    tape.notice("inv of a matrix that is singular, or nearly,", result.values, [operand.values])
    return result


def determinant(tape: Tape, argument: Any) -> Operand:
    """The determinant of (..., n, n); its derivative is the adjugate, transposed."""
    (operand,) = alike(argument)
    matrices = numbers_of(operand).copy()
    *lead, size, _ = matrices.shape
    values = np.empty(tuple(lead), object)
    for index in np.ndindex(*lead):
        values[index] = to_matrix(matrices[index]).det() if size else ONE

    def pull(cotangents: Array) -> list[Array | None]:
        found = np.empty(matrices.shape, object)
        for index in np.ndindex(*lead):
            found[index] = _cofactors(matrices[index])
        return [as_array(conjugated(found) * cotangents[..., None, None])]

    return recorded(tape, [operand], values, pull)


def _cofactors(matrix: Array) -> Array:
    """The matrix of cofactors, which is defined for singular matrices too."""
    inverted = _inverted(to_matrix(matrix))
    if all(ball.is_finite() for ball in inverted.entries()):
        return as_array(from_matrix(inverted).swapaxes(-1, -2) * to_matrix(matrix).det())
    size = len(matrix)
    found = filled((size, size), ONE)
    for i in range(size if size > 1 else 0):
        for j in range(size):
            minor = np.delete(np.delete(matrix, i, 0), j, 1)
            found[i, j] = to_matrix(minor).det() * (-1) ** (i + j)
    return found


def exponential(tape: Tape, argument: Any) -> Operand:
    """The exponential of a matrix (..., n, n)."""
    (operand,) = alike(argument)
    matrices = numbers_of(operand).copy()

    def raised(matrix: Matrix) -> Matrix:
        return matrix.exp()

    def pull(cotangents: Array) -> list[Array | None]:
        back, size = adjoint(matrices), matrices.shape[-1]
        blocks = filled((*matrices.shape[:-2], 2 * size, 2 * size), ZERO)
        blocks[..., :size, :size] = blocks[..., size:, size:] = back
        blocks[..., :size, size:] = cotangents  # Mathias, SIAM J. Matrix Anal. Appl. 17, 1996
        return [_each(raised, blocks)[..., :size, size:]]

    return recorded(tape, [operand], _each(raised, matrices), pull)


def _with_status(rule: Rule, *others: Any) -> Rule:
    """A rule of an operation that returns further tensors, which no gradient passes."""
    return lambda tape, argument, *_, **__: (rule(tape, argument), *others)


NOTHING = torch.empty(0)
LINEAR_ALGEBRA: dict[str, Rule] = {
    "linalg_inv_ex": _with_status(inverse, torch.zeros((), dtype=torch.int32)),
    "_linalg_det": _with_status(determinant, NOTHING, NOTHING),
    "linalg_matrix_exp": exponential,
    "matrix_exp": exponential,
}


def solve(matrix: torch.Tensor, right: torch.Tensor, left: bool = True) -> torch.Tensor:
    """The solution X of A X = B, or of X A = B."""
    inverted = torch.linalg.inv(matrix)
    found: torch.Tensor = inverted @ right if left else right @ inverted
    return found


def _solve_ex(
    matrix: torch.Tensor, right: torch.Tensor, *, left: bool = True, check_errors: bool = False
) -> Any:
    is_vector = right.dim() == 1 or right.shape == matrix.shape[:-1]
    columns = right.unsqueeze(-1) if is_vector else right
    found = solve(matrix, columns, left)
    info = torch.zeros(matrix.shape[:-2], dtype=torch.int32)
    return (found.squeeze(-1) if is_vector else found), NOTHING, NOTHING, info


def _triangle(matrix: torch.Tensor, upper: bool, unit: bool) -> torch.Tensor:
    part = matrix.triu(int(unit)) if upper else matrix.tril(-int(unit))
    return part + torch.eye(matrix.shape[-1], dtype=torch.float64) if unit else part


def _solve_triangular(
    matrix: torch.Tensor,
    right: torch.Tensor,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> torch.Tensor:
    return solve(_triangle(matrix, upper, unitriangular), right, left)


def _triangular_solve(
    right: torch.Tensor,
    matrix: torch.Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    part = _triangle(matrix, upper, unitriangular)
    return solve(part.mT if transpose else part, right), matrix.clone()


def _slogdet(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Any, Any]:
    found = torch.linalg.det(matrix)
    return found.sgn(), found.abs().log(), NOTHING, NOTHING


def check_symmetric(matrix: torch.Tensor) -> None:
    """Refuse a matrix that is not symmetric up to rounding, or that is complex.

    A complex one may change so as to stay Hermitian only; the rest of its gradient is arbitrary.
    """
    heads = midpoints_of(matrix)
    if heads.is_complex():
        raise NoEnclosure("the gradient of a cholesky factor by a complex matrix is not unique.")
    if not torch.allclose(heads, heads.mT, rtol=1e-12, atol=0):
        raise NoEnclosure("cholesky of a matrix that is not symmetric.")


def cholesky(matrix: torch.Tensor, upper: bool = False) -> torch.Tensor:
    """The triangular root of a positive definite matrix.

    Torch reads one triangle. The gradient is that of a symmetric matrix, in both.
    """
    check_symmetric(matrix)
    lower = (matrix + matrix.mT) / 2
    size = matrix.shape[-1]
    columns: list[torch.Tensor] = []
    for j in range(size):
        column = lower[..., j:, j]
        for earlier in columns:
            column = column - earlier[..., j:] * earlier[..., j : j + 1]
        column = column / column[..., :1].sqrt()
        columns.append(torch.nn.functional.pad(column, (j, 0)))
    root = torch.stack(columns, -1) if columns else matrix.clone()
    return root.mT if upper else root


def _cholesky_ex(
    matrix: torch.Tensor, *, upper: bool = False, check_errors: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    return cholesky(matrix, upper), torch.zeros(matrix.shape[:-2], dtype=torch.int32)


COMPOUND: dict[str, Rule] = {
    "_linalg_solve_ex": _solve_ex,
    "linalg_solve_triangular": _solve_triangular,
    "triangular_solve": _triangular_solve,
    "_linalg_slogdet": _slogdet,
    "linalg_cholesky_ex": _cholesky_ex,
    "cholesky": cholesky,
}
