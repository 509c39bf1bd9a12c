"""Every private name of torch that the library uses: what for, and how to do without it.

They hold for torch `HOLDS_FOR`, to which envs/requirements.txt pins it; a test fails on another
version. The environment variable `WITHOUT` lists those that are not used. Recipes and reports
keep it, as they do every variable that begins with ATEN_.
"""

import os
from collections.abc import Callable
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = [
    "TorchDispatchMode",
    "declared_arguments",
    "decomposition",
    "shell",
    "silence_vmap",
    "writes_to_an_input",
]

HOLDS_FOR = "2.13.0"
WITHOUT = "ATEN_WITHOUT_PRIVATE"
DECOMPOSITIONS, VMAP_LOG = "decompositions", "vmap_log"


def decomposition(func: Any) -> Callable[..., Any] | None:
    """What an operation is as several, by torch's own table; None if it is not there.

    The table is documented nowhere, and nothing public has it. Without it, an operation that torch
    does at once is one operation, whose result alone is rounded.
    """
    if _is_left_out(DECOMPOSITIONS):
        return None
    found: Callable[..., Any] | None = decomposition_table.get(func)
    return found


def silence_vmap() -> None:
    """Keep off the log that an operation is repeated and not vectorised, which is no fault.

    Without this, torch says so once for each such operation.
    """
    if not _is_left_out(VMAP_LOG):
        functorch: Any = torch._C._functorch  # noqa: SLF001
        functorch._set_vmap_fallback_warning_enabled(False)  # noqa: SLF001


def writes_to_an_input(func: Any) -> bool:
    """Whether an operation changes a tensor that it is given, by its schema.

    It is the one place where torch says so, and nothing works without it.
    """
    changes: bool = func._schema.is_mutable  # noqa: SLF001
    return changes


def declared_arguments(func: Any) -> list[Any]:
    """What an operation's schema says of its arguments, in their order; see above."""
    arguments: list[Any] = func._schema.arguments  # noqa: SLF001
    return arguments


def shell(cls: type[torch.Tensor], shape: tuple[int, ...], dtype: torch.dtype) -> Any:
    """A tensor of a class of ours that has a shape and a dtype, and no elements.

    It is how torch's own subclasses are made, and nothing works without it.
    """
    return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=dtype)  # noqa: SLF001


def _is_left_out(name: str) -> bool:
    return name in os.getenv(WITHOUT, "").split(",")
