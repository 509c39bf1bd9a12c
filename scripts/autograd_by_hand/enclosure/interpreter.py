"""Execute forward's operations in ball arithmetic, whatever torch is asked for.

An operation has a rule of its own, or it is a view or a copy of numbers, or it is decomposed: by
torch, or into the definition that this package or torch's own table gives.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.decompositions import decomposition_of
from autograd_by_hand.aten.dispatch import DispatchMode, Keywords
from autograd_by_hand.aten.torch_private import decomposition, writes_to_an_input
from autograd_by_hand.enclosure.complex_definitions import (
    COMMON,
    COMPLEX_DEFINITIONS,
    by_parts,
    polar,
    treats_parts_alike,
)
from autograd_by_hand.enclosure.complex_rules import COMPLEX_RULES, MAKING_COMPLEX, conjugate
from autograd_by_hand.enclosure.convolution import WINDOWS
from autograd_by_hand.enclosure.definitions import DEFINITIONS
from autograd_by_hand.enclosure.factorizations import FACTORIZATIONS
from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.functions import FUNCTIONS
from autograd_by_hand.enclosure.grouped_numbers import GROUPED
from autograd_by_hand.enclosure.linear_algebra import COMPOUND, LINEAR_ALGEBRA
from autograd_by_hand.enclosure.movement import copied, is_movement, views_of
from autograd_by_hand.enclosure.piecewise import CONTINUOUS, EXTREMES
from autograd_by_hand.enclosure.predicates import OVERLOADS, PREDICATES
from autograd_by_hand.enclosure.reductions import BY_OVERLOAD, REDUCTIONS, WRITING
from autograd_by_hand.enclosure.rules import RULES
from autograd_by_hand.enclosure.scattered_sums import SCATTERED
from autograd_by_hand.enclosure.tape import Tape
from autograd_by_hand.enclosure.tensor import (
    BallTensor,
    Operand,
    any_operand_of,
    is_complex,
)

Rule = Callable[..., Any]
_RULES: dict[str, Rule] = {
    **RULES,
    **SCATTERED,
    **PREDICATES,
    **LINEAR_ALGEBRA,
    **MAKING_COMPLEX,
}
_DEFINITIONS: dict[str, Rule] = {
    **DEFINITIONS,
    **REDUCTIONS,
    **COMPOUND,
    **FACTORIZATIONS,
    **GROUPED,
    **WINDOWS,
    "polar": polar,
}
_COMPLEX_DEFINITIONS = {name: _DEFINITIONS[name] for name in COMMON} | COMPLEX_DEFINITIONS
HELD = (torch.float64, torch.complex128)  # the dtypes of tensors of balls
FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
ELEMENTWISE = {*FUNCTIONS, *CONTINUOUS, *EXTREMES, "add", "sub", "rsub", "mul", "where"}
BUFFERS = {
    "zeros",
    "ones",
    "full",
    "empty",
    "empty_strided",
    "new_zeros",
    "new_ones",
    "new_full",
    "new_empty",
    "new_empty_strided",
    "zeros_like",
    "ones_like",
    "full_like",
    "empty_like",
}


class BallInterpreter(DispatchMode):
    """A context in which operations on `BallTensor` are executed and recorded on a tape."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape
        self._depth = 0

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
        """Execute one operation: on balls if an argument has them."""
        self._depth += 1
        try:
            if self._depth > 1:
                args, kwargs = _materialized(args), _materialized(kwargs)
            return self._executed(func, args, kwargs)
        except FAILURES as error:  # a case that only torch supports
            reason = " ".join(str(error).split()).rstrip(".")
            raise NoEnclosure(f"{func} has no such case in ball arithmetic: {reason}.") from error
        finally:
            self._depth -= 1

    def _executed(self, func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
        name = name_of(func)
        if name in BUFFERS:
            return _as_buffer(func(*map(_without_balls, args), **kwargs))
        every = _flat([args, kwargs])
        if not any(isinstance(one, BallTensor) for one in every):
            return func(*args, **kwargs)
        if torch.Tag.nondeterministic_seeded in func.tags and not name.startswith("_scaled_dot"):
            raise NoEnclosure(f"{func} draws at random.")
        if writes_to_an_input(func) and name not in WRITING:
            return self._in_place(func, args, kwargs)
        if name in ("_conj", "_neg_view"):
            return self._shown(name, args[0])
        if func.is_view:
            viewed = views_of(func, args, kwargs)
            return self._decomposed(func, args, kwargs) if viewed is NotImplemented else viewed
        if name in ELEMENTWISE:
            _check_type(func, args)
        if any(map(is_complex, every)):
            return self._complex(func, args, kwargs)
        rule = OVERLOADS.get(str(func).split(".", 1)[1]) or _RULES.get(name)
        if rule is not None:
            with self:
                result = rule(self.tape, *args, **kwargs)
            if result is not NotImplemented:
                return _tensors(result)
        elif is_movement(name):
            return _tensors(copied(func, args, kwargs))
        return self._decomposed(func, args, kwargs)

    def _shown(self, name: str, argument: BallTensor) -> BallTensor:
        """A conjugate or a negative, which is to torch a view of the same numbers."""
        negates = name == "_neg_view"
        with self:
            shown = -argument if negates else BallTensor.of(conjugate(self.tape, argument))
        assert isinstance(shown, BallTensor)
        return shown.showing(argument)

    def _complex(self, func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
        """Execute an operation on complex numbers."""
        name = name_of(func)
        with self:
            if rule := COMPLEX_RULES.get(name):
                return _tensors(rule(self.tape, *args, **kwargs))
            if treats_parts_alike(name):
                return by_parts(func, args, kwargs)
        if name in _DEFINITIONS and name not in _COMPLEX_DEFINITIONS:
            raise NoEnclosure(f"{func} has no rule for complex numbers in ball arithmetic.")
        return self._decomposed(func, args, kwargs)

    def _decomposed(self, func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
        name, overload = name_of(func), str(func).split(".", 1)[1]
        if any(map(is_complex, _flat([args, kwargs]))):
            definition = _COMPLEX_DEFINITIONS.get(name)
        else:
            definition = BY_OVERLOAD.get(overload) or _DEFINITIONS.get(name)
        with self:
            if definition is not None:
                return definition(*args, **kwargs)
            result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
            known = decomposition_of(func) or decomposition(func)
            if known is not None:
                result = known(*args, **kwargs)
                if result is not NotImplemented:
                    return result
        raise NoEnclosure(f"{func} has no rule in ball arithmetic.")

    def _in_place(self, func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
        """Compute the result with the operation that does not write, and write it."""
        target, name = args[0], name_of(func)
        if name == "detach_":
            return target
        if not isinstance(target, BallTensor) or not name.endswith("_") or "out" in kwargs:
            raise NoEnclosure(f"{func} writes balls to a tensor of another dtype.")
        if name in ("copy_", "fill_"):
            target.write(any_operand_of(args[1]))
        elif name == "zero_":
            target.write(Operand.constant(0))
        else:
            made = self.execute(_not_writing(func), args, kwargs)
            target.write(any_operand_of(made))
        return target


def name_of(func: Any) -> str:
    """An operation's name without its namespace and overload."""
    name: str = str(func).split(".")[1]
    return name


def _not_writing(func: Any) -> Any:
    namespace, packet, overload = str(func).split(".")
    found = getattr(getattr(torch.ops, namespace), packet.removesuffix("_"), None)
    if found is None or overload not in found.overloads():
        raise NoEnclosure(f"{func} has no form that writes nothing.")
    return getattr(found, overload)


def _check_type(func: Any, args: tuple[Any, ...]) -> None:
    """Refuse what torch computes in less than float64.

    Of a float64 tensor without axes and one of integers or of float32 with axes, torch takes the
    latter's type.
    """
    operands = args[1:] if name_of(func) == "where" else args
    tensors = [one for one in operands if isinstance(one, Tensor)]
    if any(one.dim() and one.dtype in HELD for one in tensors):
        return
    if any(one.dim() for one in tensors):
        raise NoEnclosure(f"{func} computes in less than float64.")


def _without_balls(argument: Any) -> Any:
    if isinstance(argument, BallTensor):
        return torch.empty_strided(argument.size(), argument.stride(), dtype=argument.dtype)
    return argument


def _as_buffer(result: Tensor) -> Tensor:
    """New memory holds balls, since forward may write numbers to it that depend on inputs."""
    return BallTensor.of(any_operand_of(result)) if result.dtype in HELD else result


def _tensors(result: Any) -> Any:
    if isinstance(result, Operand):
        return BallTensor.of(result)
    if isinstance(result, tuple | list):
        return type(result)(map(_tensors, result))
    return result


def _materialized(argument: Any) -> Any:
    """Arguments without conjugates and negatives that torch only marks as such.

    It makes them what they are before it calls this mode, but not within a call of this mode.
    """
    if isinstance(argument, dict):
        return {key: _materialized(one) for key, one in argument.items()}
    if isinstance(argument, tuple | list):
        return type(argument)(map(_materialized, argument))
    if not isinstance(argument, Tensor) or isinstance(argument, BallTensor):
        return argument
    if argument.is_conj():
        argument = torch.conj_physical(argument.conj())
    return torch.neg(argument) if argument.is_neg() else argument  # of what lies in memory


def _flat(argument: Any) -> list[Any]:
    if isinstance(argument, dict):
        return _flat(list(argument.values()))
    if isinstance(argument, tuple | list):
        return [one for item in argument for one in _flat(item)]
    return [argument]
