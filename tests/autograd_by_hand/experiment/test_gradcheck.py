"""gradcheck's opinion, on forwards whose gradients a reader can check by hand."""

import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment import gradcheck
from autograd_by_hand.experiment.gradcheck import FEW, ask, cut, smaller
from autograd_by_hand.experiment.vjp import Backward

DRAWN = torch.Generator().manual_seed(0)
X = torch.randn(2, 3, generator=DRAWN, dtype=torch.float64)
W = torch.randn(4, 3, generator=DRAWN, dtype=torch.float64)
TENSORS = {"x": X, "W": W}


def opinion(forward, backward, tensors=None, needed=("x", "W"), fast=False):
    tensors = TENSORS if tensors is None else tensors
    by_hand = Backward(backward, Path("backward.py"), list(needed), torch.float64, 30)
    return ask(lambda **given: {"dout": forward(**given)}, by_hand, tensors, list(needed), fast)


# small sizes


def test_long_axes_become_short_and_short_ones_stay():
    shapes = {"x": (2, 64), "W": (600, 64), "b": (600,)}
    assert smaller(shapes) == {2: 2, 64: 3, 600: 4}


def test_an_axis_of_one_stays_one():
    assert smaller({"x": (1, 6), "y": (1, 100)}) == {1: 1, 6: 6, 100: 7}


def test_a_scalar_has_no_length():
    assert smaller({"s": ()}) == {}


@given(st.lists(st.integers(1, 1000), max_size=10))
def test_different_lengths_stay_different_and_in_their_order(lengths):
    found = smaller({"x": tuple(lengths)})
    assert set(found) == set(lengths)
    assert list(found.values()) == sorted(set(found.values()))
    assert all(small <= size and small <= max(size, 1) for size, small in found.items())
    assert all(small <= FEW + len(found) for small in found.values())


def test_tensors_are_cut_to_their_first_elements():
    x = torch.arange(20.0).reshape(2, 10)
    found = cut({"x": x, "W": torch.zeros(10, 30)})
    assert found["x"].tolist() == [[0, 1, 2], [10, 11, 12]]
    assert found["W"].shape == (3, 4)


def test_what_is_cut_has_memory_of_its_own():
    x = torch.zeros(2, 3)
    cut({"x": x})["x"] += 1
    assert not x.any()


def test_indices_stay_within_the_axis_that_they_index():
    found = cut({"W": torch.zeros(10, 30), "rows": torch.tensor([0, 4, 9])})
    assert found["W"].shape == (4, 5)  # 3, the number of rows, stays
    assert found["rows"].tolist() == [0, 0, 1]  # modulo 4, for 9 fits the axis of 10


def test_whole_numbers_that_index_nothing_stay():
    assert cut({"n": torch.tensor([70, 80])})["n"].tolist() == [70, 80]


def test_a_scalar_is_left_as_it_is():
    assert cut({"s": torch.tensor(3.0)})["s"].item() == 3


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
