"""Programs carried out again in numpy, against torch's own bits."""

from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.lib.adders import adder_of
from scripts.lib.author import format_name
from scripts.lib.dispatch import operation, summable
from scripts.lib.interpret import (
    CONVERSIONS,
    ELEMENTWISE,
    IN_PLACE,
    held,
    interpret,
    knows,
    run_program,
    tensor_of_runs,
)
from scripts.lib.observe import observe_autograd
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
def test_every_value_is_made_again_bit_for_bit(forward, batch, dtype):
    generator = torch.Generator().manual_seed(batch)
    shapes = {"x": (batch, 64), "weight": (600, 64), "bias": (600,), "target": (batch, 600)}
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    seen, program, outputs = observe_autograd(
        forward, Path("forward.py"), drawn, list(drawn)[:3], dtype, torch.ones(()), 60
    )
    assert not any(call.get("given") for call in program["calls"])
    orders = [reveal(adder_of(one), one["op"]) for one in seen.sums]
    inputs = {
        name: tensor_of_runs(value.numpy()[None], format_name(dtype))
        for name, value in drawn.items()
    }
    arrays = run_program(program, inputs, list(orders), {})
    for name, tensor in outputs.items():
        made = torch.from_numpy(np.array(arrays[program["outputs"][name]]["runs"][..., 0]))
        assert torch.equal(made.to(dtype), tensor), name


def numbers(dtype, seed):
    """Numbers of every size, and those at which formats end."""
    generator = torch.Generator().manual_seed(seed)
    usual = torch.randn(3000, generator=generator)
    sizes = 10.0 ** torch.randint(-45, 38, (3000,), generator=generator).double()
    ends = [0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1.0, -1.0, 2.0, 65504.0]
    every = torch.cat([usual.double(), usual.double() * sizes, torch.tensor(ends * 9).double()])
    return every[torch.randperm(len(every), generator=generator)].to(dtype)


SCALARS = [0.5, 0.1, 3.0, 1 / 3, -2.0]
UNARY = ("neg", "abs", "reciprocal", "clone", "ones_like", "zeros_like")


def cases():
    for op in (*ELEMENTWISE, *IN_PLACE, *CONVERSIONS):
        packet, overload = op.split(".")[1:]
        if packet in UNARY or op in CONVERSIONS:
            yield op, None
        elif packet == "pow":
            yield from ((op, exponent) for exponent in (1, 2, 1.0, 2.0))
        elif overload == "Scalar":
            yield from ((op, scalar) for scalar in SCALARS)
        elif packet == "copy_":
            yield op, "tensor"
        else:
            yield from ((op, operand) for operand in ("tensor", *SCALARS))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("op", "operand"), list(cases()))
def test_an_operation_gives_torchs_bits(op, operand, dtype):
    first, second = numbers(dtype, 1), numbers(dtype, 2)
    name = format_name(dtype)
    arrays = {n: held(np.array(summable(one))[..., None]) for n, one in ((0, first), (1, second))}
    args = [{"value": 0}]
    theirs = [first.clone()]
    if operand == "tensor":
        args.append({"value": 1})
        theirs.append(second)
    elif operand is not None:
        args.append(operand)
        theirs.append(operand)
    into = torch.float32 if op in CONVERSIONS else dtype
    kwargs = {"dtype": into} if op in CONVERSIONS else {}
    call = {
        "op": op, "args": args, "kwargs": {key: format_name(one) for key, one in kwargs.items()},
        "result": 2, "dtype": format_name(into),
    }  # fmt: skip
    assert knows(call, {0: name, 1: name})
    interpret(call, arrays, None)
    expected = operation(op)(*theirs, **kwargs)
    made = torch.from_numpy(np.array(arrays[2]["runs"][..., 0])).to(into)
    alike = (made == expected) & (made.signbit() == expected.signbit())
    alike |= made.isnan() & expected.isnan()
    assert alike.all(), (
        first[~alike][:3],
        second[~alike][:3],
        made[~alike][:3],
        expected[~alike][:3],
    )


@pytest.mark.parametrize("source", DTYPES, ids=str)
@pytest.mark.parametrize("into", DTYPES, ids=str)
def test_a_conversion_rounds_as_torch_does(source, into):
    given = numbers(source, 3)
    arrays = {0: held(np.array(summable(given))[..., None])}
    call = {
        "op": CONVERSIONS[0], "args": [{"value": 0}], "kwargs": {"dtype": format_name(into)},
        "result": 1, "dtype": format_name(into),
    }  # fmt: skip
    interpret(call, arrays, None)
    made = torch.from_numpy(np.array(arrays[1]["runs"][..., 0])).to(into)
    expected = given.to(into)
    assert torch.equal(made.nan_to_num(7, 8, 9), expected.nan_to_num(7, 8, 9))


def plain(op, args, dtype="float32", result=9, **kwargs):
    return {"op": f"aten.{op}", "args": args, "kwargs": kwargs, "result": result, "dtype": dtype}


@pytest.mark.parametrize(
    "call",
    [
        plain("add.Tensor", [{"value": 0}, {"value": 1}], alpha=2),
        plain("add.Tensor", [{"value": 0}, {"value": 2}]),
        plain("add.Tensor", [{"value": 2}, {"value": 2}]),
        plain("mul.Tensor", [{"value": 3}, {"value": 3}], dtype="int64"),
        plain("pow.Tensor_Scalar", [{"value": 0}, 3]),
        plain("mul.Tensor", [{"value": 0}, "inf"]),
        plain("split.Tensor", [{"value": 0}, 2], result=[5, 6]),
        plain("exp.default", [{"value": 0}]),
        plain("_to_copy.default", [{"value": 3}]),
    ],
    ids=lambda call: f"{call['op']} {call['args']} {call['kwargs']}",
)
def test_what_is_another_operation_than_it_looks_is_not_known(call):
    assert not knows(call, {0: "float32", 1: "float32", 2: "float16", 3: "int64"})


def test_what_is_written_in_a_view_shows_in_what_it_views():
    arrays = {0: held(np.zeros((2, 3, 1), np.float32)), 1: held(np.ones((2, 1), np.float32))}
    interpret(plain("t.default", [{"value": 0}], result=2), arrays, None)
    interpret(plain("select.int", [{"value": 2}, 0, 1], result=3), arrays, None)
    interpret(plain("copy_.default", [{"value": 3}, {"value": 1}], result=3), arrays, None)
    assert arrays[0]["runs"][..., 0].tolist() == [[0, 1, 0], [0, 1, 0]]


def test_without_rounding_a_half_format_keeps_what_float32_has():
    third = held(np.array([[1.0]], np.float32))
    for rounding, expected in ((True, float(np.float16(1 / 3))), (False, float(np.float32(1 / 3)))):
        arrays = {0: third}
        call = plain("div.Tensor", [{"value": 0}, 3.0], dtype="float16")
        interpret(call, arrays, None, rounding)
        assert arrays[9]["runs"].item() == expected
