"""What is measured in parts is what is measured of the whole."""

from typing import Any

import numpy as np
import pytest
import torch

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.floats.ulp import distance, greatest, signed_ulps, squared_distance
from autograd_by_hand.report.error_histograms import errors_in_ulps
from autograd_by_hand.verdict.error_histogram import tail_of
from autograd_by_hand.verdict.extended_precision import split, widen
from autograd_by_hand.verdict.normalized_error import Noise
from autograd_by_hand.verdict.rounding_noise import draw_noise

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.standard_normal((2, 5, 9))
TAIL = TRUTH * 1e-17
HAND = TRUTH.astype(np.float32) * (
    1 + RANDOM.integers(-3, 4, TRUTH.shape).astype(np.float32) / 2**23
)
AUTOGRAD = TRUTH.astype(np.float32)
MEASURED = np.abs(RANDOM.standard_normal(TRUTH.shape)) * 1e-8
LOST = HAND.copy()
LOST[1, 2, 3] = np.inf


def noises(value: Any) -> list[Any]:
    noise = Noise.of(MEASURED, TRUTH, "float32")
    told = noise.measure(value, TRUTH, TAIL)
    units = (*noise.elements.ravel(), *noise.whole, *noise.size)
    return [*units, told.norm, told.element, told.run, *told.index]


def rounded_at_random() -> list[float]:
    weights = torch.from_numpy(TRUTH[0]).bfloat16().double()

    def vjp() -> dict[str, torch.Tensor]:
        leaf = weights.clone().requires_grad_()
        (leaf.exp() * 3).sum().backward()
        assert leaf.grad is not None
        return {"x": leaf.grad}

    noise = draw_noise(vjp, "bfloat16", 400, np.random.default_rng(1)).noise
    return [float(noise["x"].norm())]


MEASURES = {
    "distance": lambda: list(vars(distance(HAND, TRUTH, "float32", TAIL)).values()),
    "distance of no numbers": lambda: list(vars(distance(LOST, TRUTH, "float32")).values()),
    "no distance": lambda: list(vars(distance(TRUTH, TRUTH, "float64")).values()),
    "greatest": lambda: [greatest(TRUTH)],
    "signed ulps": lambda: signed_ulps(HAND, TRUTH, "float32", TAIL).ravel().tolist(),
    "squared distance": lambda: [squared_distance(HAND, TRUTH)],
    "noises": lambda: noises(HAND),
    "noises of no numbers": lambda: noises(LOST),
    "random rounding": rounded_at_random,
    "halves of longdouble": lambda: (
        torch.stack(split(widen(torch.from_numpy(TRUTH)))).flatten().tolist()
    ),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_parts_add_up_to_the_whole(measure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure()
    monkeypatch.setattr("autograd_by_hand.core.blocks.AT_ONCE", 14)
    # the order of additions is another, and so are random roundings
    close = 0.1 if measure is rounded_at_random else 1e-14
    assert measure() == pytest.approx(whole, rel=close)


@pytest.mark.parametrize("hand", [HAND[0], LOST[1]], ids=["numbers", "no numbers"])
def test_a_tail_in_parts_is_the_same(hand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tail_of(3, hand, AUTOGRAD[0], TRUTH[0], TAIL[0], "float32")
    monkeypatch.setattr("autograd_by_hand.core.blocks.AT_ONCE", 7)
    assert tail_of(3, hand, AUTOGRAD[0], TRUTH[0], TAIL[0], "float32") == whole
    assert whole["runs"] == 1


def test_a_histogram_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = {"dx": signed_ulps(LOST, TRUTH, "float32"), "db": np.array([0.0, 5000.0])}
    whole = errors_in_ulps(errors, "float32")
    monkeypatch.setattr("autograd_by_hand.core.blocks.AT_ONCE", 7)
    assert errors_in_ulps(errors, "float32") == whole


def test_parts_cover_an_axis_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd_by_hand.core.blocks.AT_ONCE", 12)
    assert [(one.start, one.stop) for one in blocks(10, rows=3)] == [(0, 4), (4, 8), (8, 10)]
    assert [(one.start, one.stop) for one in blocks(0)] == [(0, 0)]
    assert [(one.start, one.stop) for one in blocks(2, rows=100)] == [(0, 1), (1, 2)]
