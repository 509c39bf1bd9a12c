"""Forward and backward carried out again in numpy, against torch's own bits."""

import pytest
import torch
from torch import Tensor

from scripts.lib.adders import adder
from scripts.lib.dispatch import summable
from scripts.lib.interpret import interpret
from scripts.lib.observe import Observer, Value
from scripts.lib.reveal import reveal

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def lab(x, weight, bias, target):
    y = torch.nn.functional.linear(x, weight, bias)
    return 0.5 * ((y - target) ** 2).sum()


def mean_of_two_layers(x, weight, bias, target):
    y = (x @ weight.T + bias) @ weight - x
    return (y * y).mean() + (target / 2).sum(0).mean()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("forward", [lab, mean_of_two_layers])
def test_every_operation_is_carried_out_bit_for_bit(forward, batch, dtype):
    generator = torch.Generator().manual_seed(batch)
    shapes = (batch, 64), (600, 64), (600,), (batch, 600)
    inputs = [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]
    seen = Observer()
    arrays = {}
    for tensor in inputs:
        arrays[seen.value(tensor.requires_grad_()).number] = summable(tensor).copy()
    with seen:
        forward(*inputs).backward()
    arrays |= {number: summable(tensor) for number, tensor in seen.constants.items()}
    for call in seen.calls:
        laid_out = tuple(
            call.layouts[arg.number] if isinstance(arg, Value) else arg for arg in call.args
        )
        kernel = adder(call.function, laid_out, call.kwargs)
        orders = None if kernel is None else reveal(kernel, str(call.function))
        result = seen.tensors[call.results.number]
        assert interpret(call, arrays, orders, result.dtype), call.function
        assert same(arrays[call.results.number], result), call.function
    for tensor in inputs:
        assert tensor.grad is not None
        assert same(arrays[seen.value(tensor.grad).number], tensor.grad)


def same(replayed, tensor: Tensor):
    return torch.equal(
        torch.from_numpy(replayed.copy()).reshape(tensor.shape).to(tensor.dtype), tensor
    )
