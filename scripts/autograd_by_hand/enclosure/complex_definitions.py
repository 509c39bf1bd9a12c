"""Operations on complex numbers as programs of real ones, and those that treat both parts alike.

Their arguments are those of the ATen operation.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import Keywords
from autograd_by_hand.aten.torch_private import declared_arguments
from autograd_by_hand.enclosure.complex_rules import split
from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.movement import is_movement
from autograd_by_hand.enclosure.reductions import shift_of
from autograd_by_hand.enclosure.tensor import BallTensor, complex_operand_of

# Of these, the real part of the result is that of the real parts, and so is the imaginary one.
ALIKE_IN_BOTH = frozenset(["sum", "neg", "cumsum", "trace", "scatter_add", "index_put"])
JOINING = frozenset(["cat", "stack", "block_diag"])  # what may be given real numbers as well
# Definitions for real numbers that hold for complex ones too.
COMMON = frozenset(
    [
        "_linalg_slogdet",
        "_linalg_solve_ex",
        "_native_batch_norm_legit",
        "addbmm",
        "addmm",
        "addmv",
        "baddbmm",
        "cholesky_inverse",
        "cholesky_solve",
        "convolution",
        "cumprod",
        "dot",
        "linalg_householder_product",
        "linalg_lstsq",
        "linalg_lu",
        "linalg_lu_factor_ex",
        "linalg_lu_solve",
        "linalg_pinv",
        "linalg_qr",
        "linalg_solve_triangular",
        "linalg_vector_norm",
        "lu_unpack",
        "mean",
        "mv",
        "norm",
        "ormqr",
        "prod",
        "put",
        "std",
        "triangular_solve",
        "var",
        "var_mean",
    ]
)


def treats_parts_alike(name: str) -> bool:
    """Whether an operation does to the real parts what it does to the imaginary ones."""
    return is_movement(name) or name in ALIKE_IN_BOTH


def by_parts(func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
    """Apply an operation to the real and to the imaginary parts of its numbers, and join them."""
    name = str(func).split(".")[1]
    if kwargs.pop("dtype", None) not in (None, torch.complex128):
        raise NoEnclosure(f"{func} computes in another dtype than complex128.")
    numbers = {one.name: str(one.type) in ("number", "Scalar") for one in declared_arguments(func)}
    by_position = list(numbers.values())

    def part(argument: Any, at: int, is_number: bool = False) -> Any:
        if isinstance(argument, tuple | list):
            return type(argument)(part(one, at) for one in argument)
        if isinstance(argument, Tensor):
            counts = argument.is_complex() or argument.is_floating_point() or name in JOINING
            return split(argument)[at] if counts else argument
        if is_number and argument is not None:
            return (argument.real, argument.imag)[at]
        return argument

    made = [
        func(
            *(part(one, at, is_) for one, is_ in zip(args, by_position, strict=False)),
            **{key: part(one, at, numbers[key]) for key, one in kwargs.items()},
        )
        for at in (0, 1)
    ]
    if isinstance(made[0], tuple | list):
        return type(made[0])(map(torch.complex, *made))
    return torch.complex(*made)


def _added(first: Any, second: Any, *, alpha: Any = 1) -> Tensor:
    if alpha != 1:
        second = torch.mul(second, alpha)
    one, two = split(first), split(second)
    return torch.complex(one[0] + two[0], one[1] + two[1])


def _subtracted(first: Any, second: Any, *, alpha: Any = 1) -> Tensor:
    return _added(first, -second, alpha=alpha)


def _chosen(condition: Tensor, first: Any, second: Any) -> Tensor:
    pairs = zip(split(first), split(second), strict=True)
    return torch.complex(*(torch.where(condition, one, two) for one, two in pairs))


def _index_added(base: Any, dim: int, index: Tensor, source: Any, *, alpha: Any = 1) -> Tensor:
    pairs = zip(split(base), split(torch.mul(source, alpha)), strict=True)
    return torch.complex(*(one.index_add(dim, index, two) for one, two in pairs))


def _size(value: Tensor) -> Tensor:
    return torch.hypot(*split(value))


def _angle(value: Tensor) -> Tensor:
    real, imaginary = split(value)
    return torch.atan2(imaginary, real)


def _direction(value: Tensor) -> Tensor:
    return value / _size(value)


def polar(size: Tensor, angle: Tensor) -> Tensor:
    """The complex number of that absolute value and angle."""
    return torch.complex(size * angle.cos(), size * angle.sin())


def _equal(first: Any, second: Any) -> Tensor:
    one, two = split(first), split(second)
    return (one[0] == two[0]) & (one[1] == two[1])


def _different(first: Any, second: Any) -> Tensor:
    return ~_equal(first, second)


def _of_both(predicate: Callable[[Tensor], Tensor], combine: Callable[..., Tensor]) -> Any:
    return lambda value: combine(*map(predicate, split(value)))


def _reduced(func: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *args, **kwargs: func(_different(value, 0), *args, **kwargs)


def _of_several_values(*_: Any, **__: Any) -> Tensor:
    raise NoEnclosure("the complex logarithm of a sum, of which torch gives no certain value.")


def _logsumexp(value: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    dims = [dim] if isinstance(dim, int) else list(dim)
    shift = shift_of(value.real, dims)
    result = (value - shift).exp().sum(dims, keepdim=True).log() + shift
    return result if keepdim else result.squeeze(dims)


def _converted(value: Tensor, *, dtype: Any = None, **_: Any) -> Tensor:
    if dtype in (None, torch.complex128):
        return BallTensor.of(complex_operand_of(value))
    if dtype == torch.float64:
        return value.real.clone()
    if dtype == torch.bool:
        return _different(value, 0)
    raise NoEnclosure(f"forward converts to {str(dtype).removeprefix('torch.')}.")


def _real_signal(value: Tensor, dim: list[int], normalization: int, last_dim_size: int) -> Tensor:
    """The inverse transform of half a spectrum whose other half is its mirrored conjugate."""
    *others, last = dim
    if others:
        value = torch.fft.ifftn(value, dim=others, norm="forward")
    kept = last_dim_size // 2 + 1
    half = value.narrow(last, 0, kept)
    mirrored = half.narrow(last, 1, last_dim_size - kept).flip(last).conj()
    whole = torch.cat([half, mirrored], last)
    count = last_dim_size
    for axis in others:
        count *= value.shape[axis]
    found = torch.fft.ifft(whole, dim=last, norm="forward").real
    scale = found.new_full((), count)  # as a ball, whose root is not rounded
    signal: Tensor = found / [torch.ones_like(scale), scale.sqrt(), scale][normalization]
    return signal


COMPLEX_DEFINITIONS: dict[str, Callable[..., Any]] = {
    "add": _added,
    "sub": _subtracted,
    "rsub": lambda first, second, alpha=1: _subtracted(second, first, alpha=alpha),
    "where": _chosen,
    "index_add": _index_added,
    "abs": _size,
    "angle": _angle,
    "sgn": _direction,
    "eq": _equal,
    "ne": _different,
    "isfinite": _of_both(torch.isfinite, torch.logical_and),
    "isinf": _of_both(torch.isinf, torch.logical_or),
    "isnan": _of_both(torch.isnan, torch.logical_or),
    "any": _reduced(torch.any),
    "all": _reduced(torch.all),
    "count_nonzero": _reduced(torch.count_nonzero),
    "nonzero": _reduced(torch.nonzero),
    "logical_not": _reduced(torch.logical_not),
    "logaddexp": _of_several_values,
    "logcumsumexp": _of_several_values,
    "vdot": lambda first, second: (first.conj() * second).sum(),
    "logsumexp": _logsumexp,
    "_to_copy": _converted,
    "_fft_c2r": _real_signal,
}
