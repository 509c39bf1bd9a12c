from pathlib import Path

import pytest
import torch

from autograd_by_hand.experiment.autograd_graph import halvings, walk_graph
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.user_code import load_function

LAB = Path(__file__).parents[3] / "experiments/25-autograd-by-hand/forward.py"


def leaf(*shape: int) -> torch.Tensor:
    return torch.ones(shape, requires_grad=True)


@pytest.fixture(scope="module")
def lab():
    leaves = {"x": leaf(2, 64), "W": leaf(600, 64), "b": leaf(600)}
    forward = load_function(LAB, "forward", Given((*leaves, "target"), {}), 30)
    return walk_graph([forward(**leaves, target=torch.ones(2, 600))], leaves)


def test_the_labs_graph_has_these_nodes_breadth_first(lab):
    assert [node["type"] for node in lab] == [
        "MulBackward0",
        "SumBackward0",
        "PowBackward0",
        "SubBackward0",
        "AddmmBackward0",
        "AccumulateGrad",
        "AccumulateGrad",
        "TBackward0",
        "AccumulateGrad",
    ]


def test_the_labs_leaves_are_named_and_nothing_else_is(lab):
    assert {node["id"]: node["leaf"] for node in lab if node["leaf"]} == {5: "b", 6: "x", 8: "W"}


def test_the_edges_of_addmm_go_to_the_bias_the_input_and_the_transposed_weight(lab):
    addmm = lab[4]
    assert addmm["edges"] == [{"to": 5, "input": 0}, {"to": 6, "input": 0}, {"to": 7, "input": 0}]
    assert lab[7]["edges"] == [{"to": 8, "input": 0}]


def test_an_operand_that_needs_no_gradient_is_an_edge_to_nothing(lab):
    assert lab[3]["edges"][1] == {"to": None, "input": 0}  # the target


def test_ids_are_places_in_the_list(lab):
    assert [node["id"] for node in lab] == list(range(9))


def test_a_leaf_that_is_used_twice_is_one_node_with_two_edges_to_it():
    x = leaf()
    nodes = walk_graph([x * x], {"x": x})
    assert [(node["type"], node["leaf"]) for node in nodes] == [
        ("MulBackward0", None),
        ("AccumulateGrad", "x"),
    ]
    assert nodes[0]["edges"] == [{"to": 1, "input": 0}, {"to": 1, "input": 0}]


def test_an_inner_node_that_is_used_twice_is_one_node():
    x = leaf()
    middle = x.exp()
    nodes = walk_graph([middle.sin() + middle.cos()], {"x": x})
    assert [node["type"] for node in nodes] == [
        "AddBackward0",
        "SinBackward0",
        "CosBackward0",
        "ExpBackward0",
        "AccumulateGrad",
    ]
    assert nodes[1]["edges"] == nodes[2]["edges"] == [{"to": 3, "input": 0}]


def test_an_edge_says_which_output_of_the_other_nodes_forward_it_is_about():
    x = leaf(2)
    first, second = x.unbind()
    nodes = walk_graph([second - first], {"x": x})
    assert [edge["input"] for edge in nodes[0]["edges"]] == [1, 0]


def test_a_leaf_that_nobody_named_has_no_name():
    x, y = leaf(), leaf()
    assert [node["leaf"] for node in walk_graph([x + y], {"y": y})] == [None, None, "y"]


def test_walking_leaves_the_graph_usable():
    x = leaf()
    result = 3 * x
    walk_graph([result], {"x": x})
    result.backward()
    assert x.grad is not None
    assert x.grad.item() == 3


def test_a_half_is_recorded_as_it_is_spelled():
    assert halvings() == {"0.5 * s": "MulBackward0", "s / 2": "DivBackward0"}
