"""Programs carried out again in numpy, against torch's own bits."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autograd_by_hand.aten.dispatch import operation, summable
from autograd_by_hand.aten.dtypes import dtype_name
from autograd_by_hand.experiment.vjp import Forward
from autograd_by_hand.replay.interpreter import (
    CONVERSIONS,
    ELEMENTWISE,
    EMPTY,
    IN_PLACE,
    held,
    interpret,
    knows,
    run_program,
    tensor_of_runs,
)
from autograd_by_hand.replay.program import CONSTANT, Call, Program
from autograd_by_hand.replay.record import observe_autograd
from autograd_by_hand.summation.kernels import adder_of
from autograd_by_hand.summation.reveal import reveal
from autograd_by_hand.summation.tree import Order, Orders, in_turn

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
    theirs = Forward(forward, Path("forward.py"), list(drawn)[:3], dtype, 60)
    seen, program, outputs = observe_autograd(theirs, drawn, {"dout": torch.ones(())})
    assert not any(call.get("given") for call in program["calls"])
    orders = [reveal(adder_of(one), one["op"]) for one in seen.sums]
    inputs = {
        name: tensor_of_runs(value.numpy()[None], dtype_name(dtype))
        for name, value in drawn.items()
    }
    arrays = run_program(program, inputs, list(orders), {})
    for name, tensor in outputs.items():
        made = torch.from_numpy(np.array(arrays[program["outputs"][name]]["runs"][..., 0]))
        assert made.shape == tensor.shape
        assert same(made.to(dtype), tensor).all(), name


def numbers(dtype, seed):
    """Numbers of every size that the format has, subnormals too, and those at which it ends."""
    generator, bounds = np.random.default_rng(seed), torch.finfo(dtype)
    lowest, highest = (
        int(np.log2(size)) for size in (bounds.smallest_normal * bounds.eps, bounds.max)
    )
    usual = generator.standard_normal(3000)
    reach = [(lowest - 2, highest), (lowest - 2, lowest + 6), (highest - 6, highest)]
    exponents = np.concatenate([generator.integers(*ends, 1000) for ends in reach])
    with np.errstate(over="ignore"):
        sizes = np.ldexp(usual, exponents)
    ends = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.0, bounds.max, bounds.smallest_normal]
    every = generator.permutation(np.concatenate([usual, sizes, ends * 9]))
    return torch.from_numpy(every).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_numbers_that_are_tried_are_of_every_kind(dtype):
    drawn, bounds = numbers(dtype, 1), torch.finfo(dtype)
    subnormal = (drawn.abs() < bounds.smallest_normal) & (drawn != 0)
    assert subnormal.sum() > 100
    assert (drawn.isfinite() & (drawn.abs() > bounds.max / 16)).sum() > 100
    assert all(kind.any() for kind in (drawn.isnan(), drawn.isposinf(), drawn.isneginf()))
    assert ((drawn == 0) & drawn.signbit()).any()


def same(made, expected):
    """Where two tensors have the same bits; nan is like any nan."""
    alike = (made == expected) & (made.signbit() == expected.signbit())
    return alike | (made.isnan() & expected.isnan())


SCALARS = [0.5, 0.1, 3.0, 1 / 3, -2.0, 3, -7, 2**24 + 1, 70000.0, 1e-8, 1e-46, -0.0]
SCALARS += [math.inf, -math.inf, math.nan]
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
    name = dtype_name(dtype)
    arrays = {n: held(np.array(summable(one))[..., None]) for n, one in ((0, first), (1, second))}
    args: list[Any] = [{"value": 0}]
    theirs: list[Any] = [first.clone()]
    if operand == "tensor":
        args.append({"value": 1})
        theirs.append(second)
    elif operand is not None:
        args.append(operand if math.isfinite(operand) else {"number": str(operand)})
        theirs.append(operand)
    into = torch.float32 if op in CONVERSIONS else dtype
    kwargs = {"dtype": into} if op in CONVERSIONS else {}
    call: Call = {
        "op": op, "args": args, "kwargs": {key: dtype_name(one) for key, one in kwargs.items()},
        "result": 2, "dtype": dtype_name(into),
    }  # fmt: skip
    assert knows(call, {0: name, 1: name})
    interpret(call, arrays, None)
    expected = operation(op)(*theirs, **kwargs)
    made = torch.from_numpy(np.array(arrays[2]["runs"][..., 0])).to(into)
    alike = same(made, expected)
    assert alike.all(), (
        first[~alike][:3],
        second[~alike][:3],
        made[~alike][:3],
        expected[~alike][:3],
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("op", ["aten.add.Tensor", "aten.rsub.Scalar", "aten.mul.Scalar"])
def test_a_number_that_is_too_large_for_the_format_is_infinite_in_it(op, dtype):
    ones = torch.ones(2, dtype=dtype)
    call: Call = {
        "op": op, "args": [{"value": 0}, 1e39], "kwargs": {}, "result": 2,
        "dtype": dtype_name(dtype),
    }  # fmt: skip
    arrays = {0: held(np.array(summable(ones))[..., None])}
    interpret(call, arrays, None)
    assert arrays[2]["runs"][..., 0].tolist() == operation(op)(ones, 1e39).tolist()


def test_each_run_is_carried_out_as_it_is_alone():
    every = np.random.default_rng(0).standard_normal((3, 2, 5)).astype(np.float32)
    call = plain("mul.Tensor", [{"value": 0}, 0.1])
    together = {0: tensor_of_runs(every, "float32")}
    interpret(call, together, None)
    for run in range(3):
        alone = {0: tensor_of_runs(every[run : run + 1], "float32")}
        interpret(call, alone, None)
        assert np.array_equal(alone[9]["runs"][..., 0], together[9]["runs"][..., run])


@pytest.mark.parametrize("source", DTYPES, ids=str)
@pytest.mark.parametrize("into", DTYPES, ids=str)
def test_a_conversion_rounds_as_torch_does(source, into):
    nearly_halfway = [1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-24 + 2.0**-50]
    given = torch.cat([numbers(source, 3), torch.tensor(nearly_halfway).double().to(source)])
    arrays = {0: held(np.array(summable(given))[..., None])}
    call: Call = {
        "op": CONVERSIONS[0], "args": [{"value": 0}], "kwargs": {"dtype": dtype_name(into)},
        "result": 1, "dtype": dtype_name(into),
    }  # fmt: skip
    interpret(call, arrays, None)
    made = torch.from_numpy(np.array(arrays[1]["runs"][..., 0])).to(into)
    assert same(made, given.to(into)).all()


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
        plain("mul.Tensor", [{"value": 0}, {"value": 1}], result=[5]),
        plain("exp.default", [{"value": 0}]),
        plain("_to_copy.default", [{"value": 3}]),
    ],
    ids=lambda call: f"{call['op']} {call['args']} {call['kwargs']}",
)
def test_what_is_another_operation_than_it_looks_is_not_known(call):
    assert not knows(call, {0: "float32", 1: "float32", 2: "float16", 3: "int64"})


@pytest.mark.parametrize(
    "call",
    [
        plain("add.Tensor", [{"value": 0}, {"value": 0}, {"value": 1}]),
        plain("add.Tensor", [{"value": 0}, {"value": 1}], alpha=2),
        plain("add_.Tensor", [{"value": 0}, {"value": 0}, {"value": 1}]),
        plain("neg.default", [{"value": 0}, {"value": 1}]),
        plain("pow.Tensor_Scalar", [{"value": 0}, 3]),
        plain("clone.default", [{"value": 0}, "O"]),
        plain("clone.default", [{"value": 0}, ["f8"]]),
        plain("ones_like.default", [{"value": 0}, "f8", "K", True, [10**12]]),
        plain("add.Tensor", [{"value": 0}, None]),
        plain("empty.memory_format", [[2]], dtype="O"),
        plain("empty.memory_format", [[2]], dtype="S9"),
        plain("empty.memory_format", [[-2]]),
        plain("empty.memory_format", [[2.5]]),
    ],
    ids=lambda call: f"{call['op']} {call['args']} {call['kwargs']} {call['dtype']}",
)
def test_a_call_that_torch_does_not_make_is_not_carried_out(call):
    arrays = {number: held(np.ones((2, 1), np.float32)) for number in (0, 1)}
    with pytest.raises(ValueError, match=call["op"]):
        interpret(call, arrays, None)
    assert all((array["runs"] == 1).all() for array in arrays.values())


MEMORY: list[tuple[str, list[Any]]] = [
    ("empty.memory_format", [[2, 3]]),
    ("empty_like.default", [{"value": 0}]),
    ("empty_strided.default", [[2, 3], [1, 2]]),
    ("new_empty.default", [{"value": 1}, [2, 3]]),
    ("new_empty_strided.default", [{"value": 1}, [2, 3], [1, 2]]),
]


@pytest.mark.parametrize(("op", "args"), MEMORY)
def test_new_memory_has_the_shape_the_format_and_the_runs_that_are_due(op, args):
    values = [np.ones((2, 3, 4), np.float32), np.ones((5, 4), np.float32)]
    arrays = {number: held(one) for number, one in enumerate(values)}
    call = plain(op, args)
    assert knows(call, {0: "float32", 1: "float32"})
    interpret(call, arrays, None)
    assert arrays[9]["runs"].shape == (2, 3, 4)
    assert arrays[9]["runs"].dtype == np.float32


def test_all_memory_that_can_be_asked_for_has_a_case():
    assert {f"aten.{op}" for op, _ in MEMORY} == set(EMPTY)


def test_what_is_written_in_a_view_shows_in_what_it_views():
    arrays = {0: held(np.zeros((2, 3, 1), np.float32)), 1: held(np.ones((2, 1), np.float32))}
    interpret(plain("t.default", [{"value": 0}], result=2), arrays, None)
    interpret(plain("select.int", [{"value": 2}, 0, 1], result=3), arrays, None)
    interpret(plain("copy_.default", [{"value": 3}, {"value": 1}], result=3), arrays, None)
    assert arrays[0]["runs"][..., 0].tolist() == [[0, 1, 0], [0, 1, 0]]
    interpret(plain("mul_.Tensor", [{"value": 3}, 5], result=3), arrays, None)
    assert arrays[0]["runs"][..., 0].tolist() == [[0, 5, 0], [0, 5, 0]]


def test_what_is_recorded_stands_in_for_what_is_not_carried_out():
    program: Program = {
        "inputs": {"x": 0},
        "constants": [1],
        "calls": [
            plain("exp.default", [{"value": 0}], result=2) | {"given": True},
            plain("sum.default", [{"value": 0}], result=3) | {"sum": 0},
            plain("add.Tensor", [{"value": 2}, {"value": 1}], result=4),
            plain("add.Tensor", [{"value": 4}, {"value": 3}], result=5),
        ],
        "outputs": {"result": 5},
        "forward": 4,
    }
    x, constant, power, total = (held(np.full((1, 1), one, np.float32)) for one in (0, 8, 1, 64))
    recorded = {(CONSTANT, 1): constant, (0, 2): power, (1, 3): total}
    assert run_program(program, {"x": x}, [None], recorded)[5]["runs"].item() == 1 + 8 + 64


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_mean_that_is_told_its_own_format_is_made_again(dtype):
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    forward = Forward(lambda x: x.mean(dtype=dtype), Path("forward.py"), ["x"], dtype, 9)
    seen, program, outputs = observe_autograd(forward, {"x": x}, {"dout": torch.ones(())})
    orders = [reveal(adder_of(one), one["op"]) for one in seen.sums]
    inputs = {"x": tensor_of_runs(x.numpy()[None], dtype_name(dtype))}
    arrays = run_program(program, inputs, list(orders), {})
    assert arrays[program["outputs"]["loss"]]["runs"].item() == outputs["loss"].item()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_mean_is_the_sum_divided_by_the_count(dtype):
    x = torch.randn(7, 2000, generator=torch.Generator().manual_seed(0)).to(dtype)
    orders = Orders(np.zeros((1, 1, 2000), np.int32), [Order(in_turn(range(7)), np.zeros(7, bool))])
    call = plain("mean.dim", [{"value": 0}, [0]], dtype=dtype_name(dtype))
    arrays = {0: held(np.array(summable(x))[..., None])}
    interpret(call, arrays, orders)
    total = x[0].to(torch.float32 if dtype.itemsize == 2 else dtype)
    for row in x[1:]:
        total = total + row
    expected = (total / 7).to(dtype)
    assert same(torch.from_numpy(arrays[9]["runs"][..., 0]).to(dtype), expected).all()


def test_without_rounding_a_half_format_keeps_what_float32_has():
    third = held(np.array([[1.0]], np.float32))
    for rounding, expected in ((True, float(np.float16(1 / 3))), (False, float(np.float32(1 / 3)))):
        arrays = {0: third}
        call = plain("div.Tensor", [{"value": 0}, 3.0], dtype="float16")
        interpret(call, arrays, None, rounding)
        assert arrays[9]["runs"].item() == expected
