"""The values that an error is compared with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from autograd_by_hand.diagnosis.error_patterns import known_tensors
from autograd_by_hand.diagnosis.forward_trace import trace_forward

RUNS = [
    {"x": torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64), "n": torch.tensor([1])},
    {"x": torch.tensor([4.0, 5.0, 6.0], dtype=torch.float64), "n": torch.tensor([2])},
]
DOUTS = [{"dout": torch.ones(3, dtype=torch.float64)}] * 2


def known_of(forward):
    steps = [trace_forward(forward, Path("forward.py"), run, 10, True) for run in RUNS]
    return known_tensors(RUNS, DOUTS, [replace(one, names={0: "x"}) for one in steps])


def test_the_real_inputs_the_cotangent_and_forwards_values_are_known():
    known = known_of(lambda x, n: x.exp() * n)
    assert {*known} == {"x", "dout", "exp(x)", "(exp(x) * a constant)"}
    assert np.array_equal(known["x"], [[1, -2, 3], [4, 5, 6]])


def test_a_value_whose_shape_depends_on_the_data_is_left_out():
    known = known_of(lambda x: x[x > 0].exp().sum() * x)
    assert "exp(index(x))" not in known
    assert "sum(exp(…))" in known


def test_a_value_in_a_half_format_is_known_in_float64():
    known = known_of(lambda x: x * x.bfloat16().exp().double())
    assert known["exp(x)"].dtype == np.float64
