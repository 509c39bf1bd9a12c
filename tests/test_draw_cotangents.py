import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.storage.safetensors_torch import read_tensors, write_tensors
from draw_cotangents import draw_cotangents
from tests.stages import FORWARD, NEEDED, write_inputs


def run(folder, forward=FORWARD, takes_cotangent=False):
    given = write_inputs(folder, forward=forward)
    state = torch.Generator().manual_seed(3).get_state()
    write_tensors(folder / "states", {"trial/state": state})
    states, douts = folder / "states", folder / "douts"
    draw_cotangents(
        given["forward"], [], given["draws"], states, NEEDED, takes_cotangent, 10, douts
    )
    return read_tensors(folder / "douts")


def test_a_scalar_gets_one(tmp_path):
    assert run(tmp_path)["trial/dout"].tolist() == [1.0]


def test_a_scalar_gets_any_number_if_backward_takes_it(tmp_path):
    due = torch.randn(1, generator=torch.Generator().manual_seed(3))
    assert torch.equal(run(tmp_path, takes_cotangent=True)["trial/dout"], due)


def test_anything_else_is_drawn_where_the_generator_stopped(tmp_path):
    douts = run(tmp_path, "def forward(x, W):\n    return (x * W).reshape(1, 1)\n")
    due = torch.randn((1, 1, 1), generator=torch.Generator().manual_seed(3))
    assert torch.equal(douts["trial/dout"], due)


def test_each_of_several_outputs_gets_one_and_indices_get_none(tmp_path):
    body = "y = x * W; return {'y': y.reshape(1, 1), 'at': y.reshape(1).argmax(), 'a': y + 1}"
    douts = run(tmp_path, f"def forward(x, W):\n    {body}\n")
    generator = torch.Generator().manual_seed(3)
    assert list(douts) == ["trial/dout_a", "trial/dout_y"]
    assert torch.equal(douts["trial/dout_a"], torch.randn(1, generator=generator))
    assert torch.equal(douts["trial/dout_y"], torch.randn((1, 1, 1), generator=generator))


def test_a_forward_that_returns_no_tensor_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(UserError, match="forward returns a set"):
        run(tmp_path, "def forward(x, W):\n    return {x, W}\n")
    assert not (tmp_path / "douts").exists()
