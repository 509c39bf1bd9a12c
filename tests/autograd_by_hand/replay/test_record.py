import sys
from pathlib import Path

import pytest
import torch

from autograd_by_hand.experiment.local_variables import variables_of
from autograd_by_hand.experiment.vjp import Backward, Forward
from autograd_by_hand.replay.program import CONSTANT
from autograd_by_hand.replay.record import Observer, observe_autograd, observe_backward

PATH = Path("forward.py")
ONE = {"dout": torch.ones(())}


def lab(x, W, b, target):
    y = torch.nn.functional.linear(x, W, b)
    squares = (y - target) ** 2
    return 0.5 * squares.sum()


def draw():
    shapes = {"x": (2, 3), "W": (5, 3), "b": (5,), "target": (2, 5)}
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def observed(forward=lab, tensors=None, dout=None):
    tensors = tensors or draw()
    needed = [name for name in tensors if name != "target"]
    douts = {"dout": torch.ones(()) if dout is None else dout}
    return observe_autograd(Forward(forward, PATH, needed, torch.float32, 10), tensors, douts)


def ops(calls):
    return [call["op"].removeprefix("aten.") for call in calls]


def test_forward_and_backward_pass_in_the_order_in_which_they_are_done():
    _, program, _ = observed()
    sums = [call for call in program["calls"] if "sum" in call]
    assert ops(sums) == [
        "addmm.default",
        "sum.default",
        "mm.default",
        "mm.default",
        "sum.dim_IntList",
    ]


def test_forwards_calls_are_counted():
    _, program, _ = observed()
    assert ops(program["calls"])[: program["forward"]] == [
        "t.default",
        "addmm.default",
        "sub.Tensor",
        "pow.Tensor_Scalar",
        "sum.default",
        "mul.Tensor",
    ]
    assert ops(program["calls"])[program["forward"]] == "ones_like.default"


def test_what_autograd_saved_is_known_again():
    _, program, _ = observed()
    products = [call for call in program["calls"] if call["op"] == "aten.mm.default"]
    used = [arg["value"] for call in products for arg in call["args"]]
    assert program["inputs"]["W"] in used
    assert program["inputs"]["x"] in used


def test_values_have_the_names_of_the_author_then_the_end_then_the_gradients():
    _, program, outputs = observed()
    names = ["y", "squares", "loss", "dx", "dW", "db"]
    assert list(program["outputs"]) == list(outputs) == names
    made = {call["result"] for call in program["calls"]}
    assert set(program["outputs"].values()) <= made


def test_the_inputs_are_forwards_own_and_a_scalar_needs_no_cotangent():
    _, program, _ = observed()
    assert list(program["inputs"]) == ["x", "W", "b", "target"]
    assert program["constants"] == []


def test_a_variable_with_the_name_of_a_result_or_a_gradient_gives_way_to_it():
    def forward(x):
        dx = x * 2
        loss = dx * 3
        return loss.sum()

    _, program, outputs = observed(forward, {"x": torch.ones(2)})
    assert list(program["outputs"]) == ["loss", "dx"]
    assert (outputs["loss"].item(), outputs["dx"].tolist()) == (12, [6, 6])


def test_an_input_a_whole_number_and_the_result_have_no_second_name():
    def forward(x):
        alias, count = x, torch.tensor(3)
        total = (alias * count).sum()
        return total  # noqa: RET504

    _, program, _ = observed(forward, {"x": torch.ones(2)})
    assert list(program["outputs"]) == ["loss", "dx"]


def test_what_is_seen_is_what_autograd_gives_unseen():
    tensors = draw()
    _, _, outputs = observed(tensors=tensors)
    leaves = {name: value.clone().requires_grad_() for name, value in tensors.items()}
    loss = lab(**leaves)
    loss.backward()
    assert torch.equal(outputs["loss"], loss)
    for name in ("x", "W", "b"):
        assert torch.equal(outputs[f"d{name}"], leaves[name].grad)


def test_a_result_that_is_no_scalar_is_called_so_and_its_cotangent_is_an_input():
    tensors = {"x": torch.randn(2, 3), "W": torch.randn(3, 4)}
    _, program, _ = observed(lambda x, W: x @ W, tensors, torch.randn(2, 4))
    assert list(program["outputs"]) == ["result", "dx", "dW"]
    assert list(program["inputs"]) == ["x", "W", "dout"]
    assert program["constants"] == []
    used = [arg["value"] for call in program["calls"] for arg in call["args"]]
    assert program["inputs"]["dout"] in used


def test_a_sum_is_described_by_the_layouts_of_its_operands():
    seen, program, _ = observed()
    (product,) = (call for call in program["calls"] if call["op"] == "aten.addmm.default")
    bias, left, right = seen.sums[product["sum"]]["args"]
    assert (bias["shape"], left["shape"]) == ([5], [2, 3])
    assert (right["shape"], right["strides"], right["dtype"]) == ([3, 5], [1, 3], "float32")


def test_a_number_that_the_code_holds_is_a_constant_and_recorded():
    seen, program, _ = observed(lambda x: (x * torch.tensor(2.5)).sum(), {"x": torch.randn(3)})
    (number,) = program["constants"]
    assert seen.recorded[CONSTANT, number].item() == 2.5


def test_a_constant_is_recorded_as_it_was_before_it_was_written_to():
    def forward(x):
        factor = torch.tensor(2.5)
        factor.mul_(2)
        return (x * factor).sum()

    seen, program, _ = observed(forward, {"x": torch.randn(3)})
    (number,) = program["constants"]
    assert seen.recorded[CONSTANT, number].item() == 2.5


def test_what_cannot_be_carried_out_again_is_given_and_recorded():
    seen, program, _ = observed(lambda x: x.exp().sum(), {"x": torch.randn(3)})
    (place,) = (at for at, call in enumerate(program["calls"]) if call.get("given"))
    given = program["calls"][place]
    assert given["op"] == "aten.exp.default"
    assert seen.recorded[place, given["result"]].shape == (3,)


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
def test_a_number_that_json_lacks_is_marked_as_a_number(number):
    _, program, _ = observed(lambda x: (x * float(number)).sum(), {"x": torch.randn(3)})
    assert program["calls"][0]["args"][1] == {"number": number}


def test_an_argument_may_itself_be_called_value():
    _, program, _ = observed(
        lambda x: torch.addcmul(x, x, x, value=0.5).sum(), {"x": torch.randn(3)}
    )
    assert program["calls"][0]["kwargs"] == {"value": 0.5}


def test_memory_that_is_written_in_place_keeps_its_number():
    seen = Observer()
    tensor = torch.ones(3)
    number = seen.number(tensor)
    with seen:
        tensor.add_(1)
    assert seen.calls[-1]["result"] == number


def test_what_is_recorded_is_what_was_made_then():
    seen = Observer()
    with seen:
        made = torch.ones(3).exp()
        made.mul_(0)
    places = [at for at, call in enumerate(seen.calls) if call["op"] == "aten.exp.default"]
    (recorded,) = (one for (at, _), one in seen.recorded.items() if at in places)
    assert recorded.tolist() == torch.ones(3).exp().tolist()


def test_a_number_that_python_gets_is_no_value():
    seen = Observer()
    with seen:
        torch.ones(()).item()
    (call,) = (one for one in seen.calls if "_local_scalar_dense" in one["op"])
    assert call["result"] is None


def by_hand(backward, needed):
    return Backward(backward, Path("backward.py"), needed, torch.float32, 10)


def test_the_hands_program_has_its_calls_alone():
    def backward(x, W):
        return {"x": x @ W, "W": W * 2}

    tensors = {"x": torch.randn(3, 3), "W": torch.randn(3, 3)}
    _, program = observe_backward(by_hand(backward, ["x", "W"]), tensors, ONE)
    assert ops(program["calls"]) == ["mm.default", "mul.Tensor"]
    assert set(program["outputs"]) == {"dx", "dW"}
    assert program["refused"] == {}


def test_the_hands_inputs_are_what_it_asks_for():
    def backward(x, dout):
        return {"x": 2 * x * dout}

    tensors, dout = {"x": torch.randn(3)}, torch.randn(3)
    _, program = observe_backward(by_hand(backward, ["x"]), tensors, {"dout": dout})
    assert list(program["inputs"]) == ["x", "dout"]
    first, second = program["calls"]
    assert first["args"] == [{"value": program["inputs"]["x"]}, 2]
    assert second["args"] == [{"value": first["result"]}, {"value": program["inputs"]["dout"]}]
    assert program["outputs"] == {"dx": second["result"]}


def test_a_gradient_that_is_refused_is_no_output_but_told():
    def backward(x, W):
        return {"x": x @ W, "W": W[0]}

    tensors = {"x": torch.randn(3, 3), "W": torch.randn(3, 3)}
    _, program = observe_backward(by_hand(backward, ["x", "W"]), tensors, ONE)
    assert ops(program["calls"]) == ["mm.default", "select.int"]
    assert program["outputs"] == {"dx": program["calls"][0]["result"]}
    assert list(program["refused"]) == ["W"]
    assert "dW has shape (3,) but W has (3, 3)" in program["refused"]["W"]


def test_a_backward_that_fails_has_no_outputs_and_is_not_called_again():
    def backward(x):
        raise ValueError(x + 1)

    failing, given = by_hand(backward, ["x"]), ({"x": torch.ones(())}, ONE)
    _, once = observe_backward(failing, *given)
    _, twice = observe_backward(failing, *given)
    assert ops(once["calls"]) == ["add.Tensor"]
    assert twice["calls"] == []
    assert once["outputs"] == twice["outputs"] == {}
    assert once["refused"] == twice["refused"] == {"x": failing.failed}
    assert "ValueError" in failing.failed


def test_a_backward_that_was_observed_is_the_authors_own_again():
    def backward(x):
        return {"x": x}

    watched = by_hand(backward, ["x"])
    observe_backward(watched, {"x": torch.ones(3)}, ONE)
    assert watched.function is backward


def test_two_calls_on_operands_of_one_layout_are_one_sum():
    seen, program, _ = observed(lambda x, W: (x @ W + W @ x).sum(), {"x": torch.randn(3, 3), "W": torch.randn(3, 3)})  # fmt: skip
    products = [call["sum"] for call in program["calls"] if call["op"] == "aten.mm.default"]
    assert products[0] == products[1]
    assert len(seen.sums) == 1 + max(call["sum"] for call in program["calls"] if "sum" in call)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_inputs_are_what_they_are_after_they_were_rounded(dtype):
    tensors = draw()
    _, program, _ = observe_autograd(Forward(lab, PATH, ["x"], dtype, 10), tensors, ONE)
    assert program["constants"] == []
    assert "aten._to_copy.default" not in {call["op"] for call in program["calls"]}


def test_variables_are_those_of_the_function_and_not_of_what_it_calls():
    def inner(tensor):
        hidden = tensor * 2
        return hidden + 1

    def outer(tensor):
        shown = inner(tensor)
        count = 3
        return shown * count

    with variables_of(outer) as found:
        outer(torch.ones(2))
    assert set(found) == {"tensor", "shown"}


def test_a_variable_is_what_it_is_when_the_function_ends():
    def function(tensor):
        y = tensor + 1
        y = y * 2
        gone = y
        del gone
        return y

    with variables_of(function) as found:
        function(torch.ones(1))
    assert {name: one.item() for name, one in found.items()} == {"tensor": 1, "y": 4}


def test_who_watched_before_watches_again():
    def watch(_frame, _event, _arg):
        pass

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        with variables_of(lab):
            assert sys.getprofile() is not watch
        assert sys.getprofile() is watch
    finally:
        sys.setprofile(before)


def test_what_is_no_function_of_python_has_no_variables():
    with variables_of(torch.relu) as found:
        torch.relu(torch.ones(2))
    assert found == {}
