import pytest

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.replay.attribution import FACTORS, OTHER
from autograd_by_hand.summation.hypothetical_orders import COUNTERFACTUALS
from tests.conftest import first_of, thoroughly
from tests.layer import BACKWARD, Layer


def shares(found, gradient):
    return {row["factor"]: row["share"] for row in found["shares"] if row["gradient"] == gradient}


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_both_ends_are_met_bit_for_bit_and_the_shares_are_the_whole(tmp_path, dtype):
    found = Layer(tmp_path, dtype).all().attribute()
    assert found["refused"] is None
    assert len(found["ends"]) == 6
    assert all(row["elements"] == row["identical"] > 0 for row in found["ends"])
    for gradient in ("dx", "dW", "db"):
        own = shares(found, gradient)
        assert list(own) == [*FACTORS, OTHER]
        assert None in own.values() or sum(own.values()) == pytest.approx(1)


def test_half_precision_is_rounding(tmp_path):
    found = Layer(tmp_path, "float16").all().attribute()
    assert shares(found, "dW")["output_rounding"] > 0.99


def test_what_belongs_to_forward_is_told_apart(tmp_path):
    found = Layer(tmp_path).all().attribute()
    assert (found["forward"], found["backward"]) == (["addmm"], ["mm", "mm", "sum"])


def test_another_formula_leaves_a_part_to_other_operations(tmp_path):
    scaled = BACKWARD.replace('"b": dy.sum(0)', '"b": 2 * dy.sum(0)')
    found = Layer(tmp_path, backward=scaled).all().attribute()
    assert shares(found, "db")[OTHER] == pytest.approx(1)


def test_operations_that_only_torch_can_do_are_done_by_torch(tmp_path):
    layer = Layer(
        tmp_path,
        forward="def forward(x, W):\n    return (x @ W).tanh().sum()\n",
        backward=(
            "def backward(x, W):\n    dy = 1 - (x @ W).tanh() ** 2\n"
            "    return {'x': dy @ W.T, 'W': x.T @ dy}\n"
        ),
        shapes={"x": (3, 200), "W": (200, 5)},
    )
    found = layer.all().attribute()
    assert found["refused"] is None
    assert all(row["elements"] == row["identical"] for row in found["ends"])


@pytest.mark.parametrize("dtype", ["float64", *thoroughly(["float32", "bfloat16", "float16"])])
@pytest.mark.parametrize(
    ("forward", "gradient"),
    [
        (
            "x.masked_fill(x > 0, float('-inf')).exp().sum()",
            "x.masked_fill(x > 0, float('-inf')).exp()",
        ),
        ("x.clamp(max=float('inf')).sum()", "(x.clamp(max=float('inf')) == x).to(x.dtype)"),
        ("(x * float('nan')).sum()", "torch.ones_like(x) * float('nan')"),
        ("(1 / (x - float('inf'))).sum()", "-1 / (x - float('inf')) ** 2"),
        ("torch.addcmul(x, x, x, value=0.5).sum()", "torch.addcmul(x, x, x, value=0.5)"),
    ],
)
def test_numbers_that_json_lacks_are_the_same_numbers_again(tmp_path, forward, gradient, dtype):
    layer = Layer(
        tmp_path,
        dtype,
        forward=f"import torch\ndef forward(x):\n    return {forward}\n",
        backward=f"import torch\ndef backward(x):\n    return {{'x': {gradient}}}\n",
        shapes={"x": (20,)},
    ).all()
    found = layer.attribute()
    assert found["refused"] is None
    assert all(row["elements"] == row["identical"] > 0 for row in found["ends"])
    rows = layer.replay()["tensors"]
    assert all(row["elements"] == row["identical"] > 0 for row in rows)


@pytest.mark.parametrize("shaped", ["", ".reshape(x.shape)"])
def test_a_gradient_that_numpy_computed_is_named_and_nothing_is_attributed(tmp_path, shaped):
    forward = "def forward(x):\n    return (x**3).sum()\n"
    backward = (
        "import torch\ndef backward(x):\n"
        f"    return {{'x': torch.from_numpy((3 * x.numpy() ** 2).ravel()){shaped}}}\n"
    )
    shape = (50,) if not shaped else (5, 10)
    layer = Layer(tmp_path, forward=forward, backward=backward, shapes={"x": shape})
    found = layer.all().attribute()
    assert found["refused"] == "no operation of torch makes dx, so there is nothing to trace"
    assert found["runs"] == 0
    assert found["ends"] == found["shares"] == found["counterfactuals"] == []


def test_a_constant_that_has_a_name_in_forward_is_attributed_with(tmp_path):
    forward = "import torch\ndef forward(x):\n    weights = torch.tensor([1.0, 2.0, 3.0])\n"
    layer = Layer(
        tmp_path,
        forward=f"{forward}    return (x * weights).sum()\n",
        backward="import torch\ndef backward(x):\n    return {'x': 0 * x + torch.tensor([1.0, 2.0, 3.0])}\n",
        shapes={"x": (3,)},
    )
    found = layer.all().attribute()
    assert found["refused"] is None
    assert all(row["elements"] == row["identical"] > 0 for row in found["ends"])


def test_a_sum_without_an_order_is_named_and_nothing_is_attributed(tmp_path):
    layer = Layer(tmp_path).all()
    orders = read_json(layer.file("orders"))
    orders["sums"][0]["numpy"]["refused"] = "it adds in more than the 24 bits of float32"
    write_json(layer.file("orders"), orders)
    found = layer.attribute()
    assert found["refused"] == (
        "numpy's addmm has no order: it adds in more than the 24 bits of float32"
    )
    assert found["shares"] == found["counterfactuals"] == []


def test_a_gradient_that_is_refused_is_the_reason_and_nothing_is_attributed(tmp_path):
    spoiled = BACKWARD.replace("dy.T @ x", "dy").replace("dy.sum(0)", "dy")
    found = Layer(tmp_path, backward=spoiled).all().attribute()
    line = f"{Layer.folder}/backward.py:3: "
    assert found["refused"] == (
        f"{line}dW has shape (2, 30) but W has (30, 40); a gradient has the shape of its tensor. "
        f"{line}db has shape (2, 30) but b has (30,); a gradient has the shape of its tensor"
    )
    assert found["runs"] == 0
    assert found["ends"] == found["shares"] == found["counterfactuals"] == []


def test_a_backward_that_fails_in_one_format_is_told_once_and_attributed_in_another(tmp_path):
    failing = BACKWARD.replace("    dy =", "    assert x.dtype.itemsize == 4\n    dy =")
    found = Layer(tmp_path / "half", "float16", backward=failing).all().attribute()
    assert found["refused"] == f"{Layer.folder}/backward.py:4: AssertionError"
    found = Layer(tmp_path / "single", "float32", backward=failing).all().attribute()
    assert found["refused"] is None


def test_an_end_that_is_missed_withholds_the_shares(tmp_path):
    layer = Layer(tmp_path).all()
    orders = read_json(layer.file("orders"))
    product = next(one for one in orders["sums"] if one["op"] == "aten.addmm.default")
    product["numpy"]["orders"] = [
        {"tree": f"(40 {' '.join(map(str, range(39, -1, -1)))})", "fused": None, "from_zero": False}
    ]
    product["numpy"]["which"] = [[2, [[30, 0]]]]
    write_json(layer.file("orders"), orders)
    found = layer.attribute()
    assert found["refused"].startswith("a replay with the sums of numpy misses bits of d")
    assert found["shares"] == []


def test_what_backward_does_out_of_torchs_sight_withholds_what_other_orders_would_give(tmp_path):
    hidden = BACKWARD.replace(
        "    return",
        "    seen, dy = dy, torch.empty_like(dy)\n    dy.numpy()[:] = seen\n    return",
    )
    found = Layer(tmp_path, backward=f"import torch\n{hidden}").all().attribute()
    assert found["refused"].startswith("a replay with the sums of numpy, torch misses bits of d")
    assert found["shares"] == found["counterfactuals"] == []


ALWAYS, SOMETIMES = "2 * x", "2 * x if x.sum() > 0 else x + x"


@pytest.mark.parametrize("whose", ["forward", "backward"])
def test_what_makes_other_operations_from_run_to_run_is_refused(tmp_path, whose):
    body = {"forward": ALWAYS, "backward": ALWAYS, whose: SOMETIMES}
    layer = Layer(
        tmp_path,
        forward=f"def forward(x):\n    y = {body['forward']}\n    return (y * x).sum()\n",
        backward=f"def backward(x):\n    return {{'x': {body['backward']}}}\n",
        shapes={"x": (50,)},
    )
    assert layer.all().attribute()["refused"] == (
        f"from run to run, {whose} makes other operations, or the same with other numbers or shapes"
    )


def test_each_counterfactual_is_measured_against_autograd(tmp_path):
    found = Layer(tmp_path).all().attribute()["counterfactuals"]
    assert [row["order"] for row in found[::3]] == list(COUNTERFACTUALS)
    of_dx = [row["identical"] for row in found if row["gradient"] == "dx"]
    assert len(set(of_dx)) > 1  # the orders are not alike, whichever of them torch's is
    assert all((row["identical"] == row["elements"]) == (row["max_abs"] == 0) for row in found)


# Operations of forward whose values have another dtype than its inputs, or are no tensors. A backward
# that asks autograd has the same ones.
OF_ITS_OWN = """\
import torch
from pathlib import Path

exec(Path(__file__).with_name("forward.py").read_text())


def backward(x):
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (dx,) = torch.autograd.grad(forward(x), x)
    return {"x": dx}
"""
UNUSUAL = {
    "widened": (
        "    A = x.to(torch.float32)\n"
        "    L = torch.linalg.cholesky(A @ A.T + torch.eye(len(A)))\n"
        "    return (L.to(x.dtype) ** 2).sum()\n"
    ),
    "complex": "    return (torch.fft.rfft(x.float()) * (1 + 2j)).abs().to(x.dtype).sum()\n",
    "conjugate": "    z = torch.fft.fft(x.float())\n    return (z * z.conj()).real.to(x.dtype).sum()\n",
    "no tensor": "    return (x * (1 if x.sum().item() < 100 else 2)).exp().sum()\n",
    "written in place": (
        "    y = x * 2\n    seen = y[:, 1:]\n    y[0].fill_(3)\n    return (seen * y[:, :4]).sum()\n"
    ),
    "infinite": "    return x.masked_fill(x > 0, float('-inf')).softmax(-1).square().sum()\n",
    "a single number": "    return x.sum().sum(dim=[0]) * x.sum()\n",
}


@pytest.mark.parametrize("dtype", first_of(["float32", "bfloat16"]))
@pytest.mark.parametrize("body", UNUSUAL.values(), ids=UNUSUAL)
def test_values_of_another_kind_do_not_keep_from_attributing(tmp_path, body, dtype):
    forward = f"import torch\n\ndef forward(x):\n{body}"
    layer = Layer(tmp_path, dtype, forward, OF_ITS_OWN, {"x": (4, 5)})
    found = layer.all().attribute()
    assert found["refused"] is None
    assert all(row["elements"] == row["identical"] for row in found["ends"])
    assert layer.replay()["tensors"]


def test_what_torch_does_not_execute_again_is_refused_by_name(tmp_path):
    sparse = "def forward(x):\n    return torch.sparse.mm(x.to_sparse(), x.T).sum()\n"
    layer = Layer(tmp_path, "float32", f"import torch\n\n{sparse}", OF_ITS_OWN, {"x": (4, 5)})
    refused = layer.all().attribute()["refused"]
    assert refused.startswith("torch does not execute sparse_mask again: Could not run")
    assert layer.replay()["tensors"]
