"""Decisions that rounding may turn: the jumps of a gradient, apart from its noise."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from autograd_by_hand.verdict.rounding_noise import DrawnNoise, draw_noise

NEAR, FAR = 1 / 3, 0.5  # times 3 in bfloat16: near to 1, and not near to it
EDGE = 1.0


def drawn(
    function: Callable[[Tensor], Tensor], x: list[float], dtype: str = "bfloat16"
) -> DrawnNoise:
    """The noise and the jumps of the gradient of a function's sum, at rounded inputs."""
    given = torch.tensor(x, dtype=torch.float64).bfloat16().double()

    def vjp() -> dict[str, Tensor]:
        leaf = given.clone().requires_grad_()
        (found,) = torch.autograd.grad(function(leaf).sum(), leaf)
        return {"dx": found}

    return draw_noise(vjp, dtype, 4, np.random.default_rng(0))


def jumps(
    function: Callable[[Tensor], Tensor], x: list[float], dtype: str = "bfloat16"
) -> list[float]:
    found: list[float] = drawn(function, x, dtype).jumps["dx"].tolist()
    return found


def shifted(x: Tensor) -> Tensor:
    """3 x - 1, which rounds 3 x to a number around 1: to 1 itself if x is NEAR."""
    return 3 * x - EDGE


@pytest.mark.parametrize(
    ("function", "jump"),
    [
        (lambda x: torch.relu(shifted(x)), 3.0),
        (lambda x: torch.relu_(shifted(x)), 3.0),
        (lambda x: shifted(x).abs(), 6.0),
        (lambda x: shifted(x).clamp(min=0.0), 3.0),
        (lambda x: torch.where(shifted(x) > 0, 2 * x, 7 * x), 5.0),
        (lambda x: torch.where(shifted(x) <= torch.zeros(2).double(), 2 * x, 7 * x), 5.0),
        (lambda x: functional.leaky_relu(shifted(x), 0.5), 1.5),
        (lambda x: functional.hardtanh(3 * x), 3.0),
        (lambda x: (3 * x).floor() * x, 1.0),
        (lambda x: (3 * x - 0.5).round() * x, 1.0),
        (lambda x: (3 * x).fmod(1.0) * 0 + shifted(x).sign() * x, 2.0),
    ],
    ids=[
        "relu", "relu_", "abs", "clamp", "where", "where with a tensor", "leaky relu", "hardtanh",
        "floor", "round", "sign",
    ],
)  # fmt: skip
def test_a_number_near_a_threshold_makes_its_element_jump(function, jump):
    near, far = jumps(function, [NEAR, FAR])
    assert near == pytest.approx(jump, rel=0.01)
    assert far == 0


@pytest.mark.parametrize(
    "function", [torch.relu, torch.abs, torch.sgn], ids=lambda one: one.__name__
)
def test_an_exact_number_is_decided_however_near_it_is(function):
    assert jumps(lambda x: function(x - EDGE) * x, [EDGE, EDGE + 2.0**-7]) == [0, 0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (3 * x).max(0).values,
        lambda x: (3 * x).reshape(1, 4).max(1, keepdim=True).values,
        lambda x: -(-3 * x).min(0).values,
        lambda x: functional.max_pool2d((3 * x).reshape(1, 1, 2, 2), 2),
        lambda x: (3 * x).topk(1).values,
        lambda x: (3 * x).sort().values[-1],
    ],
    ids=["max", "max of rows", "min", "max_pool2d", "topk", "sort"],
)
def test_two_numbers_that_compete_jump_together(function):
    found = jumps(function, [0.1, NEAR + 2.0**-10, NEAR, 0.2])
    assert found == [0, 3, 3, 0]
    assert jumps(function, [0.1, NEAR, FAR, 0.2]) == [0, 0, 0, 0]


def test_where_all_that_compete_share_a_jump_is_their_share():
    assert jumps(lambda x: (3 * x).amax(0), [0.1, NEAR + 2.0**-10, NEAR, 0.2])[1:3] == [1.5, 1.5]


def test_a_jump_is_no_noise():
    smooth = drawn(lambda x: torch.exp(3 * x), [NEAR, FAR]).noise["dx"]
    beside = drawn(lambda x: torch.exp(3 * x) + torch.relu(shifted(x)), [NEAR, FAR]).noise["dx"]
    assert (beside < 4 * smooth).all()


def test_a_finer_dtype_decides_what_a_coarser_one_may_turn():
    def function(x: Tensor) -> Tensor:
        return torch.relu(shifted(x))

    assert jumps(function, [NEAR, FAR], "bfloat16") == [3, 0]
    assert jumps(function, [NEAR, FAR], "float32") == [0, 0]


def test_a_jump_reaches_every_element_that_depends_on_the_decision():
    found = jumps(lambda x: torch.relu(shifted(x[:1])) * x, [NEAR, 2.0])
    assert found[0] == pytest.approx(3 * (NEAR + 2.0), rel=0.01)


def test_a_program_that_goes_another_way_is_left_to_itself():
    def function(x: Tensor) -> Tensor:
        if shifted(x).detach()[0].item() > 0:
            return torch.relu(shifted(x)) * x
        return torch.relu(shifted(x).reshape(2, 1)) * 2

    assert all(np.isfinite(jumps(function, [NEAR, FAR])))


def test_a_correct_gradient_that_decides_otherwise_is_within_the_jumps():
    """relu(x W + b), where the product is rounded before b is added."""
    random = torch.Generator().manual_seed(21)
    decided_otherwise = 0
    for _ in range(1500):
        x, w, b, dout = (
            torch.randn(shape, generator=random).bfloat16()
            for shape in ((4, 8), (8, 6), (6,), (4, 6))
        )
        wide = [one.double() for one in (x, w, b, dout)]
        rounded = x @ w + b > 0
        if (rounded == (wide[0] @ wide[1] + wide[2] > 0)).all():
            continue
        decided_otherwise += 1
        by_hand = ((dout * rounded) @ w.T).double()
        vjp = partial(_gradient_of_relu, *wide)
        noise = draw_noise(vjp, "bfloat16", 4, np.random.default_rng(0))
        beyond = (by_hand - vjp()["dx"]).abs() - noise.jumps["dx"]
        assert (beyond < 8 * noise.noise["dx"] + 2.0**-8 * by_hand.abs()).all()
    assert decided_otherwise > 5


def _gradient_of_relu(x: Tensor, w: Tensor, b: Tensor, dout: Tensor) -> dict[str, Tensor]:
    leaf = x.clone().requires_grad_()
    (found,) = torch.autograd.grad(torch.relu(leaf @ w + b), leaf, dout)
    return {"dx": found}
