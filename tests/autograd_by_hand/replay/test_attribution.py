"""Shares of a difference: by hand for small games, by real sums for the lab's layer."""

from typing import Any

import numpy as np
import pytest

from autograd_by_hand.replay.attribution import FACTORS, OTHER, Game, shapley
from autograd_by_hand.replay.forward_part import forward_calls
from autograd_by_hand.replay.interpreter import held
from autograd_by_hand.replay.repeated_replay import RepeatedReplay
from autograd_by_hand.summation.hypothetical_orders import COUNTERFACTUALS, counterfactual
from autograd_by_hand.summation.tree import Order, Orders, in_turn


def test_in_an_additive_game_each_player_gets_what_it_adds():
    worth = {"a": 1.0, "b": 2.0, "c": 4.0}
    game = shapley(lambda coalition: sum(worth[one] for one in coalition), ("a", "b", "c"))
    assert game == pytest.approx(worth)


def test_players_who_are_worth_something_only_together_share_alike():
    game = shapley(lambda coalition: 6.0 * (len(coalition) == 3), ("a", "b", "c"))
    assert game == pytest.approx({"a": 2.0, "b": 2.0, "c": 2.0})


def one_order(tree, fused=()):
    flags = np.zeros(len(tree) // 2 + 1, bool)
    flags[list(fused)] = True
    return Orders(np.zeros((1, 1, 1), np.int32), [Order(tree, flags)])


def call(op, args, result, **rest):
    return {
        "op": f"aten.{op}", "args": [{"value": one} if isinstance(one, int) else one for one in args],
        "kwargs": {}, "result": result, "dtype": "float32", **rest,
    }  # fmt: skip


TWO_SUMS: Any = {  # y = sum(x); dx = y + sum(z)
    "inputs": {"x": 0, "z": 1},
    "constants": [],
    "calls": [
        call("sum.default", [0], 2, sum=0),
        call("sum.default", [1], 3, sum=1),
        call("add.Tensor", [2, 3], 4),
    ],
    "outputs": {"dx": 4},
}
BIG = 2.0**24  # 1 is swallowed by it in float32, so that orders give different sums
X, Z = np.array([BIG, 1, 1, -BIG], np.float32), np.array([4, 1, 1, 2], np.float32)
IN_TURN, ONES_FIRST = one_order(in_turn(range(4))), one_order(in_turn([1, 2, 0, 3]))


def itself(_, found):
    return found


def no_torch(*_):
    raise AssertionError


def game(numpys, torchs, rounds=False, carry_out=no_torch):
    inputs = {"x": held(X[:, None]), "z": held(Z[:, None])}
    hand = RepeatedReplay(TWO_SUMS, inputs, {}, carry_out)
    return Game(hand, [*numpys, None], [*torchs, None], {0}, rounds)


def test_the_whole_difference_is_laid_to_the_one_sum_that_adds_otherwise():
    found = game([IN_TURN, IN_TURN], [ONES_FIRST, ONES_FIRST])
    autograd = {"dx": np.array([10.0], np.float32)}  # 2 of x, where the ones are added first, and 8
    shares = found.shares(autograd)["dx"]
    assert shares == {**dict.fromkeys((*FACTORS, OTHER), 0.0), "forward_order": 1.0}


def test_without_a_difference_there_are_no_shares():
    found = game([IN_TURN, IN_TURN], [IN_TURN, IN_TURN])
    assert found.shares({"dx": np.array([8.0], np.float32)}) == {"dx": None}


def test_what_no_order_explains_is_left_to_other_operations():
    found = game([IN_TURN, IN_TURN], [IN_TURN, IN_TURN])
    shares = found.shares({"dx": np.array([9.0], np.float32)})["dx"]
    assert shares == {**dict.fromkeys(FACTORS, 0.0), OTHER: 1.0}


def test_a_difference_that_is_no_number_has_no_shares():
    found = game([IN_TURN, IN_TURN], [IN_TURN, IN_TURN])
    assert found.shares({"dx": np.array([np.inf], np.float32)}) == {"dx": None}


def test_each_mixture_gives_its_own_sum_though_much_of_it_is_remembered():
    found = game([IN_TURN, IN_TURN], [ONES_FIRST, ONES_FIRST])
    sums = {
        torchs: float(found.measured("itself", itself, frozenset(torchs))["dx"][0])
        for torchs in [
            (),
            ("forward_order",),
            ("backward_order",),
            ("forward_order", "backward_order"),
        ]
    }
    assert sums == {
        (): 8.0,
        ("forward_order",): 10.0,
        ("backward_order",): 8.0,
        ("forward_order", "backward_order"): 10.0,
    }


def test_orders_that_come_and_go_are_not_mistaken_for_each_other():
    hand = RepeatedReplay(TWO_SUMS, {"x": held(X[:, None]), "z": held(Z[:, None])}, {}, no_torch)
    sums = []
    for kind in COUNTERFACTUALS * 3:
        own = counterfactual(kind, IN_TURN)
        sums.append(float(hand.measured("itself", itself, [own, own, None])["dx"][0]))
        del own
    assert sums == sums[: len(COUNTERFACTUALS)] * 3
    assert sums[COUNTERFACTUALS.index("compensated")] == 10.0


def test_what_only_torch_can_do_is_handed_to_it():
    program: Any = {
        **TWO_SUMS,
        "calls": [*TWO_SUMS["calls"][:2], call("atan2.default", [2, 3], 4, given=True)],
    }
    asked = []

    def carry_out(one, arrays, rounding):
        asked.append((one["op"], rounding))
        arrays[4] = arrays[2]

    hand = RepeatedReplay(program, {"x": held(X[:, None]), "z": held(Z[:, None])}, {}, carry_out)
    assert hand.measured("itself", itself, [IN_TURN, IN_TURN, None])["dx"].tolist() == [0.0]
    assert asked == [("aten.atan2.default", True)]


def test_an_input_that_is_changed_in_place_is_whole_again_the_next_time():
    program: Any = {
        "inputs": {"x": 0},
        "constants": [],
        "calls": [call("mul_.Tensor", [0, 2.0], 0), call("sum.default", [0], 1, sum=0)],
        "outputs": {"dx": 1},
    }
    hand = RepeatedReplay(program, {"x": held(Z[:, None])}, {}, no_torch)
    sums = [float(hand.measured("itself", itself, [None, IN_TURN])["dx"][0]) for _ in range(2)]
    assert sums == [16.0, 16.0]


def test_what_leads_to_a_value_that_forward_has_is_forwards():
    theirs: Any = {"calls": [call("sum.default", [0], 5, sum=0)], "forward": 1}
    values = {0: held(X[:, None]), 1: held(Z[:, None])}
    values |= {
        number: held(np.array([[value]], np.float32)) for number, value in ((2, 2), (3, 8), (4, 10))
    }
    forwards = {5: values[2]}
    assert forward_calls(TWO_SUMS, values, theirs, forwards, 24) == {0}
