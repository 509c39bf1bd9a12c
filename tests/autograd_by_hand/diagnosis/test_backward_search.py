"""Mistakes made in a small backward are repaired, and named with their line."""

import pytest
import torch

from autograd_by_hand.diagnosis.backward_search import BackwardRun, find_repairs
from tests.autograd_by_hand.diagnosis.backwards import drawn, function_of, traced

SHAPES = {"x": (4, 3), "y": (4, 3), "W": (3, 3), "b": (3,), "dout": (4, 3)}
TOLERANCE = 1e-9


def repaired(source, old, new, needed=("x",), **options):
    """The repairs found for a backward in which one piece of the source is replaced."""
    assert source.count(old) == 1
    runs, wrong, right = [], list[str](), list[str]()
    for seed in range(2):
        tensors = drawn(seed, **SHAPES)
        manual, truth = (
            function_of(one)(**{name: value.clone() for name, value in tensors.items()})
            for one in (source.replace(old, new), source)
        )
        wrong = [name for name in needed if not torch.allclose(manual[name], truth[name])]
        right = [name for name in needed if name not in wrong]
        runs.append(BackwardRun(traced(source.replace(old, new), tensors, needed), manual, truth))
    assert wrong
    return find_repairs(runs, wrong, right, TOLERANCE, **options)


def mistake(*args, **options):
    (found,) = {(one.kind, one.name) for one in repaired(*args, **options).values()}
    return found


NORM = """
def backward(x, y, W, b, dout):
    m = x.mean(dim=1, keepdim=True)
    c = x - m
    r = (c.square().mean(dim=1, keepdim=True) + 0.1).rsqrt()
    h = c * r
    dh = dout * b
    dx = r * (dh - dh.mean(dim=1, keepdim=True) - h * (dh * h).mean(dim=1, keepdim=True))
    return {"x": dx}
"""
FILTER = """
def backward(x, y, W, b, dout):
    k = torch.fft.rfft(y, dim=0)
    dx = torch.fft.irfft(torch.fft.rfft(dout, dim=0) * k.conj(), n=4, dim=0)
    return {"x": dx}
"""
LAYER = """
def backward(x, y, W, b, dout):
    z = torch.tanh(x @ W + b)
    dz = dout * (1 - z * z)
    e = dz.exp()
    return {"x": dz @ W.T, "W": x.T @ dz, "b": dz.sum(dim=0)}
"""
LOOP = """
def backward(x, y, W, b, dout):
    h = [b]
    for i in range(4):
        h.append(torch.tanh(h[i] * x[i]))
    dx = torch.zeros_like(x)
    dy = torch.zeros_like(y)
    d = torch.zeros_like(b)
    for i in reversed(range(4)):
        dz = (d + dout[i]) * (1 - h[i + 1] ** 2)
        dx[i] = dz * h[i]
        dy[:3] += dz
        d = dz * x[i]
    return {"x": dx, "y": dy}
"""
ONE_PLACE = {
    "another value": (NORM, "- h * (dh", "- c * (dh", "operation", "line 9", "`c`", "`h`"),
    "a factor that is an input": (NORM, "(dh * h)", "(dout * h)", "missing", "`b` is left out"),
    "a value for its square": (NORM, "c.square()", "c.abs()", "operation", "line 6"),
    "another axis": (NORM, "m = x.mean(dim=1", "m = x.mean(dim=0", "other sum", "line 4", "[0]"),
    "one axis more": (NORM, "(dh * h).mean(dim=1", "(dh * h).mean(dim=(0, 1)", "other sum"),
    "a sum for a mean": (NORM, "(dh * h).mean(", "(dh * h).sum(", "factor", "`sum`", "`mean`"),
    "a constant": (NORM, "+ 0.1)", "+ 0.01)", "constant", "0.01 instead of 0.1"),
    "a plus for a minus": (NORM, "- h * (dh", "+ h * (dh", "operation", "`add`", "`sub`"),
    "a factor that is computed": (NORM, "dx = r * (", "dx = (", "missing", "`r`"),
    "a product in the wrong place": (
        NORM.replace("dx = r * (", "dx = 1 * r * ("),
        "dh = dout * b\n    dx = 1 *",
        "dh = dout\n    dx = b *",
        "operation",
        "is multiplied in here instead",
    ),
    "a term": (LAYER, "x @ W + b", "x @ W", "missing", "line 4", "`b`"),
    "a function": (LAYER, "torch.tanh(x", "torch.sigmoid(x", "operation", "`tanh`"),
    "a formula": (LAYER, "1 - z * z", "z * (1 - z)", "operation", "line 5"),
    "a slope": (LAYER, "dout * (1 - z * z)", "dout * 1", "missing", "is not multiplied by `1 - "),
    "a transpose that is left out": (LAYER, "dz @ W.T", "dz @ W", "transposed", "line 7"),
    "rows reversed": (LAYER, "x.T @ dz", "x.flip(0).T @ dz", "transposed", "line 7"),
    "rows off by one": (LAYER, "x.T @ dz", "x.roll(1, 0).T @ dz", "shifted", "line 7"),
    "a row for a sum": (LAYER, "dz.sum(dim=0)", "dz[0]", "other sum", "line 7"),
    "the value of another iteration": (LOOP, "h[i + 1] ** 2", "h[i] ** 2", "shifted", "line 11"),
    "a value left out of every iteration": (LOOP, "dz * h[i]", "dz", "missing", "line 12"),
    "a slope in every iteration": (
        LOOP,
        "(1 - h[i + 1] ** 2)",
        "1",
        "missing",
        "is not multiplied by `1 - ",
    ),
    "iterations in reverse": (LOOP, "dx[i] = dz", "dx[3 - i] = dz", "transposed", "in reverse"),
    "overwritten": (LOOP, "dy[:3] += dz", "dy[:3] = dz.expand(3, 3)", "missing", "overwritten"),
    "another slice": (LOOP, "dy[:3] +=", "dy[1:] +=", "shifted", "line 13"),
}


@pytest.mark.parametrize("case", ONE_PLACE.values(), ids=ONE_PLACE)
def test_a_mistake_in_one_place_is_named(case):
    source, old, new, kind, *words = case
    needed = {NORM: ["x"], LAYER: ["x", "W", "b"], LOOP: ["x", "y"]}.get(source, ["x"])
    found, name = mistake(source, old, new, needed=needed)
    assert found == kind, name
    for word in words:
        assert word in name, name


def test_one_mistake_behind_several_gradients_is_reported_for_all():
    found = repaired(LAYER, "(1 - z * z)", "(1 - z)", needed=["x", "W", "b"])
    assert set(found) == {"x", "W", "b"}
    assert len({one.name for one in found.values()}) == 1


def test_only_the_gradients_that_are_asked_about_are_repaired():
    found = repaired(LAYER, "dz @ W.T", "dz @ W", needed=["x", "W"])
    assert set(found) == {"x"}


def test_a_repair_that_would_spoil_a_right_gradient_is_none():
    source = """
def backward(x, y, W, b, dout):
    d = dout * y
    return {"x": d, "y": d * x}
"""
    found = repaired(source, '"x": d,', '"x": d * y,', needed=["x", "y"])
    assert "line 5" in found["x"].name


def test_what_two_mistakes_spoil_is_not_repaired():
    source = NORM.replace("- h * (dh", "- c * (dh")
    tensors = drawn(0, **SHAPES)
    wrong = source.replace("dh.mean(dim=1", "dh.amax(dim=0").replace("* r\n", "* r.sqrt()\n")
    manual, truth = (function_of(one)(**tensors) for one in (wrong, NORM))
    assert (
        find_repairs([BackwardRun(traced(wrong, tensors), manual, truth)], ["x"], [], TOLERANCE)
        == {}
    )


def test_what_fits_on_one_run_only_is_not_reported():
    runs = []
    for seed, source in enumerate((NORM, NORM.replace("dout * b", "dout + b"))):
        tensors = drawn(seed, **SHAPES)
        wrong = NORM.replace("- h * (dh", "- c * (dh")
        manual, truth = (function_of(one)(**tensors) for one in (wrong, source))
        runs.append(BackwardRun(traced(wrong, tensors), manual, truth))
    assert find_repairs(runs[:1], ["x"], [], TOLERANCE)["x"].kind == "operation"
    assert find_repairs(runs, ["x"], [], TOLERANCE) == {}


def test_a_threshold_is_not_described_as_a_factor():
    source = "def backward(x, y, W, b, dout):\n    return {'x': dout * (x - y > 0.5)}\n"
    kind, name = mistake(source, "> 0.5", "> 0.0")
    assert kind in ("constant", "unknown"), name


def test_swapped_tensors_are_reported():
    source = "def backward(x, y, W, b, dout):\n    return {'x': (x.exp() * y.sin() + x) * dout}\n"
    wrong = source.replace("x.exp() * y.sin() + x", "y.exp() * x.sin() + y")
    kind, name = mistake(source, source[31:], wrong[31:])
    assert kind == "operation"
    assert name == "line 3: `x` and `y` are swapped"


def test_an_extra_factor_is_described():
    source = "def backward(x, y, W, b, dout):\n    return {'x': 2 * x * dout}\n"
    kind, name = mistake(source, "2 * x", "y")
    assert kind == "operation"
    assert name.endswith("and there is an extra factor of 0.5")


def test_forwards_values_stand_in_for_what_is_computed_again():
    source = "def backward(x, y, W, b, dout):\n    h = x.tanh()\n    return {'x': h * dout}\n"
    runs = []
    for seed in range(2):
        tensors = drawn(seed, **SHAPES)
        wrong = source.replace("x.tanh()", "y.cos() * x[0]")
        manual, truth = (function_of(one)(**tensors) for one in (wrong, source))
        steps = traced(wrong, tensors).with_known({"forward's h": tensors["x"].tanh()})
        runs.append(BackwardRun(steps, manual, truth))
    assert find_repairs(runs, ["x"], [], TOLERANCE) == {}
    found = find_repairs(runs, ["x"], [], TOLERANCE, by_forward=True)
    assert "`h` is used instead of `forward's h`" in found["x"].name


def test_a_missing_conjugate_is_found_among_complex_numbers():
    assert mistake(FILTER, "k.conj()", "k") == (
        "operation",
        "line 5, `(fft_r2c(dout) * k)`: `k` is used instead of `conj(k)`",
    )
