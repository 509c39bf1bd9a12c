"""Every private name of torch that the library uses, why, and what happens without it.

They exist in torch `HOLDS_FOR`, to which envs/requirements.txt pins it; a test fails on any other
version. The environment variable `WITHOUT` lists those that must not be used. Recipes and reports
include it, as they do every variable that begins with ATEN_.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = [
    "TorchDispatchMode",
    "declared_arguments",
    "decomposition",
    "differentiating",
    "gradcheck_in_one_mode",
    "is_own_function",
    "is_zero_without_memory",
    "plain_torch_function",
    "running_node",
    "shell",
    "silence_vmap",
    "writes_to_an_input",
]

HOLDS_FOR = "2.13.0"
WITHOUT = "ATEN_WITHOUT_PRIVATE"
DECOMPOSITIONS, VMAP_LOG, AUTOGRAD_NODES = "decompositions", "vmap_log", "autograd_nodes"
GRADCHECK_WORDS = "gradcheck_words"

CALLERS_OF_OWN = ("torch._functorch.autograd_function", "torch._library.autograd")


def decomposition(func: Any) -> Callable[..., Any] | None:
    """An operation's decomposition in torch's own table; None if it is not there.

    The table is undocumented and has no public counterpart. Without it, a compound operation counts
    as one, of which only the result is rounded.
    """
    if _is_left_out(DECOMPOSITIONS):
        return None
    found: Callable[..., Any] | None = decomposition_table.get(func)
    return found


def silence_vmap() -> None:
    """Suppress the warning that an operation is repeated instead of vectorised, which is harmless.

    Without this, torch prints it once for each such operation.
    """
    if not _is_left_out(VMAP_LOG):
        functorch: Any = torch._C._functorch  # noqa: SLF001
        functorch._set_vmap_fallback_warning_enabled(False)  # noqa: SLF001


@contextmanager
def gradcheck_in_one_mode() -> Iterator[None]:
    """Keep gradcheck's fast mode, if it finds an error, from repeating the check in its slow mode.

    It would do so only to word its error. Without this, an objection to large tensors takes longer
    than one is ready to wait, and is lost.
    """
    module, name = import_module("torch.autograd.gradcheck"), "_run_slow_mode_and_get_error"
    before = getattr(module, name)
    if not _is_left_out(GRADCHECK_WORDS):
        setattr(module, name, lambda *_: "")
    try:
        yield
    finally:
        setattr(module, name, before)


def running_node() -> tuple[int, Any] | None:
    """The call of autograd's engine that is running in this thread, and the node that it executes.

    A call has a number. The result is None if none is running. The engine can be called from
    anywhere, C++ included, and torch offers no public way to notice it. Without this, a backward
    that uses autograd is not found out.
    """
    if _is_left_out(AUTOGRAD_NODES):
        return None
    node = torch._C._current_autograd_node()  # noqa: SLF001
    return None if node is None else (torch._C._current_graph_task_id(), node)  # noqa: SLF001


def is_own_function(node: Any) -> bool:
    """Whether a node is of an autograd Function that is not torch's, in Python or in C++."""
    if not isinstance(node, torch.autograd.function.BackwardCFunction):
        return "CppNode<" in node.name()
    module = type(node)._forward_cls.__module__  # type: ignore[attr-defined]  # noqa: SLF001
    return module in CALLERS_OF_OWN or not module.startswith("torch.")


def differentiating() -> bool:
    """Whether forward-mode differentiation is under way, as in torch.func.jvp."""
    return not _is_left_out(AUTOGRAD_NODES) and forward_ad._current_level >= 0  # noqa: SLF001


def writes_to_an_input(func: Any) -> bool:
    """Whether an operation modifies one of its arguments, according to its schema.

    Torch offers this information nowhere else, so it is indispensable.
    """
    changes: bool = func._schema.is_mutable  # noqa: SLF001
    return changes


def is_zero_without_memory(tensor: torch.Tensor) -> bool:
    """Whether a tensor is one of torch's zeros that have no memory, as autograd makes some.

    Torch has no public name for them, and refuses to show what they hold; indispensable as well.
    """
    found: bool = tensor._is_zerotensor()  # noqa: SLF001
    return found


def declared_arguments(func: Any) -> list[Any]:
    """The arguments that an operation's schema declares, in order; indispensable as well."""
    arguments: list[Any] = func._schema.arguments  # noqa: SLF001
    return arguments


def shell(
    cls: type[torch.Tensor],
    shape: tuple[int, ...],
    dtype: torch.dtype,
    strides: tuple[int, ...] | None = None,
    offset: int | None = None,
) -> Any:
    """An instance of a subclass of Tensor with a shape and a dtype but no elements.

    strides, offset: in elements; without strides it is contiguous

    Torch makes its own subclasses in this way; it is indispensable.
    """
    return torch.Tensor._make_wrapper_subclass(  # noqa: SLF001
        cls, shape, strides=strides, storage_offset=offset, dtype=dtype
    )


# As a class's `__torch_function__`: results of torch's functions are not wrapped in that class.
plain_torch_function = torch._C._disabled_torch_function_impl  # noqa: SLF001


def _is_left_out(name: str) -> bool:
    return name in os.getenv(WITHOUT, "").split(",")
