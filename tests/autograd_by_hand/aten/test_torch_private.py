"""Private names of torch: they hold for the pinned version, and each can be left out."""

import re
from importlib import import_module

import pytest
import torch

from autograd_by_hand.aten import torch_private
from autograd_by_hand.aten.torch_private import decomposition, silence_vmap, writes_to_an_input
from tests.conftest import ROOT

aten = torch.ops.aten


def test_they_hold_for_the_pinned_version() -> None:
    assert torch.__version__.split("+")[0] == torch_private.HOLDS_FOR
    assert f"torch=={torch_private.HOLDS_FOR}" in (ROOT / "envs/requirements.txt").read_text()


def test_no_other_module_uses_a_private_name_of_torch() -> None:
    private = re.compile(r"torch(\.[A-Za-z_]\w*)*\._(?!_)|\._schema\b|\._make_wrapper")
    library = (ROOT / "scripts").rglob("*.py")
    using = {path.name for path in library if private.search(path.read_text())}
    assert using == {"torch_private.py"}


def test_without_the_table_an_operation_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = decomposition(aten.gelu.default)
    x = torch.tensor([0.5], dtype=torch.float64)
    assert apart is not None
    assert torch.allclose(apart(x), torch.nn.functional.gelu(x))
    monkeypatch.setenv(torch_private.WITHOUT, "vmap_log,decompositions")
    assert decomposition(aten.gelu.default) is None


def test_the_log_of_vmap_is_silent_unless_that_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_to: list[bool] = []
    monkeypatch.setattr(torch._C._functorch, "_set_vmap_fallback_warning_enabled", set_to.append)
    monkeypatch.setenv(torch_private.WITHOUT, "vmap_log")
    silence_vmap()
    assert set_to == []
    monkeypatch.delenv(torch_private.WITHOUT)
    silence_vmap()
    assert set_to == [False]


def test_an_operation_in_place_writes_to_an_input() -> None:
    assert writes_to_an_input(aten.add_.Tensor)
    assert not writes_to_an_input(aten.add.Tensor)


def test_gradcheck_keeps_to_its_mode_unless_that_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = import_module("torch.autograd.gradcheck")
    before = module._run_slow_mode_and_get_error
    with torch_private.gradcheck_in_one_mode():
        assert module._run_slow_mode_and_get_error() == ""
    assert module._run_slow_mode_and_get_error is before
    monkeypatch.setenv(torch_private.WITHOUT, "gradcheck_words")
    with torch_private.gradcheck_in_one_mode():
        assert module._run_slow_mode_and_get_error is before
