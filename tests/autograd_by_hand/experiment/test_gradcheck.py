"""gradcheck's opinion, on forwards whose gradients a reader can check by hand."""

import time
from pathlib import Path

import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment import gradcheck
from autograd_by_hand.experiment.gradcheck import FEW, ask, modes
from autograd_by_hand.experiment.vjp import Backward

DRAWN = torch.Generator().manual_seed(0)
X = torch.randn(2, 3, generator=DRAWN, dtype=torch.float64)
W = torch.randn(4, 3, generator=DRAWN, dtype=torch.float64)
TENSORS = {"x": X, "W": W}


def opinion(forward, backward, tensors=None, needed=("x", "W"), fast=False):
    tensors = TENSORS if tensors is None else tensors
    by_hand = Backward(backward, Path("backward.py"), list(needed), torch.float64, 30)
    return ask(lambda **given: {"dout": forward(**given)}, by_hand, tensors, list(needed), fast)


# which mode


def test_few_elements_are_checked_one_by_one_first_and_many_only_all_at_once():
    assert modes(FEW) == [False, True]
    assert modes(FEW + 1) == [True]


# the opinion


def linear(x, W):
    return x @ W.t()


def by_hand(x, W, dout):
    return {"x": dout @ W, "W": dout.t() @ x}


def half_square(x, W):
    return 0.5 * ((x @ W.t()) ** 2).sum()


def of_half_square(x, W):
    y = x @ W.t()
    return {"x": y @ W, "W": y.t() @ x}


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("forward", "backward"), [(linear, by_hand), (half_square, of_half_square)]
)
def test_there_is_no_objection_to_a_right_gradient(forward, backward, fast):
    assert opinion(forward, backward, fast=fast) is None


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", ["x", "W"])
def test_a_wrong_gradient_is_objected_to_by_name(name, fast):
    def wrong(x, W, dout):
        right = by_hand(x, W, dout)
        return right | {name: 2 * right[name]}

    objection = opinion(linear, wrong, fast=fast)
    assert objection is not None
    assert "Jacobian mismatch for output 0" in objection
    assert f"input {name}" in objection
    assert "\n" not in objection


def test_an_objection_names_the_input_though_others_need_no_gradient():
    def wrong(x, dout):
        return {"W": 2 * dout.t() @ x}

    objection = opinion(linear, wrong, needed=["W"])
    assert objection is not None
    assert "input W" in objection


def test_an_objection_to_large_tensors_is_found_without_their_jacobian():
    calls = []

    def counted(x, W):
        calls.append(1)
        return half_square(x, W)

    def wrong(x, W):
        right = of_half_square(x, W)
        return right | {"W": 1.01 * right["W"]}

    large = {"x": torch.randn(2, 64, generator=DRAWN), "W": torch.randn(600, 64, generator=DRAWN)}
    large = {name: one.double() for name, one in large.items()}
    objection = opinion(counted, wrong, large, fast=True)
    assert objection is not None
    assert "input W" in objection
    assert len(calls) < 20


def test_a_gradient_that_forgets_the_cotangent_is_objected_to():
    def wrong(x, W, dout):
        return by_hand(x, W, torch.ones_like(dout))

    assert opinion(linear, wrong) is not None


def test_a_backward_that_takes_no_cotangent_is_scaled_by_the_losses():
    def twice(x, W):
        return 2 * half_square(x, W)

    assert opinion(half_square, of_half_square) is None
    assert opinion(twice, of_half_square) is not None


def test_a_gradient_that_is_not_the_same_twice_is_objected_to():
    calls = []

    def wavers(x, W, dout):
        calls.append(1)
        right = by_hand(x, W, dout)
        return right | {"x": right["x"] * (1 + 1e-12 * len(calls))}

    objection = opinion(linear, wavers)
    assert objection is not None
    assert "not reentrant" in objection


def test_only_what_needs_a_gradient_is_asked_about():
    def only_x(W, dout):
        return {"x": dout @ W}

    assert opinion(linear, only_x, needed=["x"]) is None


def test_whole_numbers_may_be_among_the_inputs():
    rows = torch.tensor([1, 0, 1])

    def chosen(x, rows):
        return x[rows]

    def back(x, rows, dout):
        return {"x": torch.zeros_like(x).index_add(0, rows, dout)}

    assert opinion(chosen, back, {"x": X, "rows": rows}, ["x"]) is None


def test_the_inputs_are_not_changed_and_need_no_gradient_afterwards():
    kept = {name: value.clone() for name, value in TENSORS.items()}
    opinion(linear, by_hand)
    assert all(torch.equal(TENSORS[name], kept[name]) for name in kept)
    assert not any(value.requires_grad for value in TENSORS.values())


# what cannot be asked


def test_a_backward_that_fails_is_refused_with_its_own_sentence():
    def fails():
        raise ZeroDivisionError("the author's")

    with pytest.raises(UserError, match=r"backward.py: ZeroDivisionError: the author's"):
        opinion(linear, fails)


def test_a_backward_that_gives_no_gradient_is_objected_to():
    assert opinion(linear, lambda x, dout: {"W": dout.t() @ x}) is not None


def test_what_gradcheck_cannot_do_is_refused_in_one_line():
    def no_real_number(x, W):
        return (x @ W.t()).sparse_mask(torch.ones(2, 4, dtype=torch.float64).to_sparse())

    with pytest.raises(UserError, match=r"^gradcheck cannot: [^\n]+$"):
        opinion(no_real_number, by_hand)


def test_a_refusal_of_forward_is_passed_on():
    def refuses(**_):
        raise UserError("forward.py: no.")

    with pytest.raises(UserError, match=r"^forward.py: no\.$"):
        opinion(refuses, by_hand)


def test_patience_ends(monkeypatch):
    monkeypatch.setattr(gradcheck, "PATIENCE", 0.1)

    def slow(x, W):
        time.sleep(0.03)
        return linear(x, W)

    began = time.monotonic()
    with pytest.raises(UserError, match=r"gradcheck is not done after 0\.1 s\."):
        opinion(slow, by_hand)
    assert time.monotonic() - began < 2
