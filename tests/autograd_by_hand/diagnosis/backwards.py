"""Record backwards that are given as source text."""

from pathlib import Path
from typing import Any

import torch

from autograd_by_hand.diagnosis.backward_trace import trace_backward

F64 = torch.float64
PATH = Path("backward.py")


def function_of(source):
    namespace: dict[str, Any] = {"torch": torch}
    exec(compile("import torch\n" + source, str(PATH), "exec"), namespace)  # noqa: S102
    return namespace["backward"]


def drawn(seed=0, **shapes):
    """Random tensors of the given shapes, including the cotangent."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=generator, dtype=F64) for name, shape in shapes.items()
    }


def traced(source, tensors, needed=("x",)):
    """Record a backward that is given as source text."""
    return trace_backward(function_of(source), PATH, tensors, [*needed], 10)
