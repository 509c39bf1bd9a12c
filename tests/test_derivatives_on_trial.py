"""The benchmark that holds torch's own derivatives against proven bounds."""

import pytest
import torch

from tests.bench.op_db.derivatives import Case, cases, entries
from tests.bench.op_db.truth import Finding, finding, table

FLOAT64 = torch.float64


def case(function, *values):
    tensors = {"x": torch.tensor(values, dtype=FLOAT64)}
    return Case(lambda t: [function(t["x"])], tensors, ["x"])


def tried(one: Case) -> Finding:
    found = finding(one)
    assert found is not None
    return found


class TooSteep(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, flow):
        (x,) = ctx.saved_tensors
        return 2 * x * flow * (1 + 1e-12)


def test_a_derivative_that_is_off_is_found_with_its_size():
    found = tried(case(TooSteep.apply, 1.5, -2.0))
    assert found.is_off()
    assert found.error == pytest.approx(1e-12, rel=1e-3)
    assert found.noise < 1e-15


def test_digamma_is_off_and_lgamma_is_not():
    assert tried(case(torch.digamma, 1.5)).is_off()
    found = tried(case(torch.lgamma, 2.5))
    assert not found.is_off()
    assert not found.is_ill_conditioned()


def test_what_rounding_the_inputs_explains_is_no_fault():
    found = tried(case(lambda x: (x * 1e9).sin(), 0.3, 0.7))
    assert found.error > 1e-12
    assert not found.is_off()
    assert found.is_ill_conditioned()


def test_a_sum_that_cancels_is_no_fault():
    def difference(x):
        return (x * torch.tensor([1e9, 1.0]) * x.flip(0)).sum() - (1e9 * x).prod()

    found = tried(case(difference, 1 / 3, 1 / 7))
    assert not found.is_off()


def test_on_a_kink_any_choice_is_right():
    assert tried(case(lambda x: x.relu() + x.abs(), 0.0, 1.0)).error == 0


def test_the_worst_stands_first():
    found = {}
    for name in ("digamma", "mul", "nn.functional.hardsigmoid"):
        each = [finding(one) for one in cases(entries(FLOAT64)[name], FLOAT64, 4)]
        found[name] = [one for one in each if one is not None]
    head, _, *rows, ill = table(found)
    assert head.startswith("| entry")
    assert [row.split()[1] for row in rows] == ["nn.functional.hardsigmoid", "digamma"]
    assert ill.endswith("none")
