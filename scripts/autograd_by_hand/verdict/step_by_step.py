"""Execute a program step by step: a compound operation as the plain ones it consists of."""

from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.decompositions import AS_THE_KERNELS
from autograd_by_hand.aten.dispatch import DispatchMode
from autograd_by_hand.aten.torch_private import decomposition
from autograd_by_hand.verdict.deciding_operations import DECIDING
from autograd_by_hand.verdict.decisions import Decisions

aten = torch.ops.aten


class StepByStep(DispatchMode):
    """A context in which compound operations are executed step by step.

    decisions: make the decisions of the program; None if it makes them itself
    """

    def __init__(self, decisions: Decisions | None = None) -> None:
        super().__init__()
        self._decisions = decisions

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute an operation, decomposed if compound."""
        if self._decisions and func in DECIDING:
            decided = self._decisions.decide(func, args, kwargs)
            if decided is not NotImplemented:
                return decided
        if func.is_view or func in EXACT:
            return func(*args, **kwargs)
        decomposed = None
        rounds = _has_floats((*args, *kwargs.values()))
        if rounds and func not in SINGLE and not adds(func, kwargs):
            decomposed = AS_THE_KERNELS.get(func) or decomposition(func)
        if decomposed:
            with self:
                made = decomposed(*args, **kwargs)
            if made is not NotImplemented:
                return made
        return self.step(func, args, kwargs)

    def step(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute an operation that is not decomposed."""
        return func(*args, **kwargs)


def adds(func: Any, kwargs: dict[str, Any]) -> bool:
    """Return whether an operation is a sum that multiplies by no alpha or beta."""
    return func in SUMS and all(kwargs.get(name, 1) == 1 for name in ("alpha", "beta"))


def _has_floats(args: tuple[Any, ...]) -> bool:
    """Return whether there is anything to round in the steps of an operation.

    The index arithmetic of a decomposed kernel is in whole numbers, and most of its operations.
    """
    flat = [one for arg in args for one in (arg if isinstance(arg, list | tuple) else [arg])]
    tensors = [one for one in flat if isinstance(one, Tensor)]
    return not tensors or any(one.is_floating_point() or one.is_complex() for one in tensors)


PURE_SUMS = {
    aten.sum.default,
    aten.sum.dim_IntList,
    aten.index_add.default,
    aten.scatter_add.default,
    torch.ops.prims.sum.default,
}
BIASES = {  # products of matrices and vectors: how many biases come before the factors
    aten.mm.default: 0,
    aten.bmm.default: 0,
    aten.mv.default: 0,
    aten.dot.default: 0,
    aten.addmm.default: 1,
    aten.baddbmm.default: 1,
    aten.addmv.default: 1,
}
SUMS = PURE_SUMS | {*BIASES, aten.convolution.default, aten.convolution_backward.default}
FACTORIZATIONS = {
    aten._linalg_det.default,
    aten._linalg_eigh.default,
    aten._linalg_slogdet.default,
    aten._linalg_solve_ex.default,
    aten._linalg_svd.default,
    aten.linalg_cholesky_ex.default,
    aten.linalg_eig.default,
    aten.linalg_inv_ex.default,
    aten.linalg_lu.default,
    aten.linalg_lu_factor_ex.default,
    aten.linalg_qr.default,
}
SINGLE = {  # rounded once: torch would decompose them into themselves
    aten.add.Tensor,
    aten.sub.Tensor,
    aten.mul.Tensor,
    aten.mul.Scalar,
    aten.div.Tensor,
    aten.div.Scalar,
    aten.exp.default,
    aten.log.default,
    aten.tanh.default,
    aten.sqrt.default,
    aten.rsqrt.default,
    aten.pow.Tensor_Scalar,
}
EXACT = {
    aten.clone.default,
    aten.copy_.default,
    aten._to_copy.default,
    aten.neg.default,
    aten.abs.default,
    aten.cat.default,
    aten.stack.default,
    aten.where.self,
    aten.relu.default,
    aten.amax.default,
    aten.threshold_backward.default,
    aten.gather.default,
    aten.index_select.default,
    aten.index.Tensor,
    aten.ones_like.default,
    aten.zeros_like.default,
    aten.full_like.default,
    aten.full.default,
    aten.zeros.default,
    aten.ones.default,
    aten.new_zeros.default,
    # memory that the program writes before it reads it
    aten.empty.memory_format,
    aten.empty_like.default,
    aten.empty_strided.default,
    aten.new_empty.default,
    aten.new_empty_strided.default,
    torch.ops.prims.empty_strided.default,
}
