from pathlib import Path

import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.input_sources import Sources, read_sources
from autograd_by_hand.experiment.sampling import draw_runs
from autograd_by_hand.experiment.settings import SampleSpec, TensorSpec
from autograd_by_hand.storage.safetensors_torch import write_tensors

SAMPLE: SampleSpec = {"seed": 7, "runs": 3}
MADE: dict[str, TensorSpec] = {"A": {"from": "inputs.py"}}
X: dict[str, TensorSpec] = {"x": {"shape": [4], "draw": "randn"}}


def draw(folder: Path, specs, sample=SAMPLE, runs=3, arguments=None):
    sources = read_sources(folder, specs, {"trial": sample}, arguments or {}, 10)
    generator = torch.Generator().manual_seed(sample["seed"])
    return [*draw_runs(specs, sample, generator, runs, sources)]


def written(folder: Path, body: str, parameters: str = "generator") -> Path:
    text = f"import torch\nstate = []\n\ndef inputs({parameters}):\n    {body}\n"
    (folder / "inputs.py").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (0.5, torch.float64),
        ([1, 2], torch.int64),
        ([[1, 2.5], [3, 4]], torch.float64),
        ([True, False], torch.bool),
    ],
)
def test_a_value_is_the_tensor_that_is_written(value, dtype):
    tensor = Sources(Path()).constant("x", {"value": value})
    assert tensor is not None
    assert tensor.dtype == dtype
    assert tensor.tolist() == value


def test_a_tenth_is_kept_as_float64_has_it():
    tensor = Sources(Path()).constant("x", {"value": 0.1, "shape": [2]})
    assert tensor is not None
    assert tensor.tolist() == [0.1, 0.1]


def test_a_value_is_broadcast_to_its_shape():
    tensor = Sources(Path()).constant("x", {"value": [1.0, 2.0], "shape": [2, 2]})
    assert tensor is not None
    assert tensor.tolist() == [[1, 2], [1, 2]]
    assert tensor.is_contiguous()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int8, torch.bool])
def test_a_file_s_tensor_keeps_its_dtype_and_every_bit(tmp_path, dtype):
    kept = (torch.arange(6).reshape(2, 3) / 7).to(dtype)
    write_tensors(tmp_path / "data.safetensors", {"W": kept, "other": torch.ones(1)})
    [run] = draw(tmp_path, {"W": {"file": "data.safetensors"}}, runs=1)
    assert run["W"].dtype == dtype
    assert torch.equal(run["W"], kept)


def test_a_key_chooses_among_the_tensors_of_a_file(tmp_path):
    write_tensors(tmp_path / "data.safetensors", {"a.weight": torch.ones(1), "W": torch.zeros(1)})
    [run] = draw(tmp_path, {"W": {"file": "data.safetensors", "key": "a.weight"}}, runs=1)
    assert run["W"].tolist() == [1]


def test_inputs_py_is_called_for_each_run_when_all_else_is_drawn(tmp_path):
    written(tmp_path, "return {'A': torch.rand(2, generator=generator)}")
    generator = torch.Generator().manual_seed(7)
    for run in draw(tmp_path, MADE | X):
        assert [*run] == ["A", "x"]
        assert torch.equal(run["x"], torch.randn(4, generator=generator))
        assert torch.equal(run["A"], torch.rand(2, generator=generator))


def test_inputs_py_takes_the_arguments_of_the_config(tmp_path):
    written(tmp_path, "return {'A': torch.ones(size)}", "size")
    [run] = draw(tmp_path, MADE, runs=1, arguments={"size": 3, "eps": 0.1})
    assert run["A"].shape == (3,)


def test_what_inputs_py_keeps_and_changes_later_changes_no_run(tmp_path):
    body = "state.append(torch.zeros(1)); state[0] += 0 * len(state); return {'A': state[0]}"
    first, second, _ = draw(written(tmp_path, body), MADE)
    assert first["A"].data_ptr() != second["A"].data_ptr()


def test_a_sample_draws_what_inputs_py_makes_elsewhere(tmp_path):
    written(tmp_path, "return {'A': torch.ones(2)}")
    sample: SampleSpec = {"seed": 7, "runs": 1, "tensors": {"A": {"value": [0.0, 2.0]}}}
    [run] = draw(tmp_path, {"A": {"from": "inputs.py", "shape": [2]}}, sample, runs=1)
    assert run["A"].tolist() == [0, 2]


def test_a_scale_multiplies_what_is_not_drawn_too(tmp_path):
    written(tmp_path, "return {'A': torch.ones(2)}")
    [run] = draw(tmp_path, {"A": {"from": "inputs.py", "scale": 0.5}}, runs=1)
    assert run["A"].tolist() == [0.5, 0.5]


REFUSED = {
    "an error of its own": (
        "return {'A': torch.ones(2) @ torch.ones(3)}",
        "inputs.py:5: RuntimeError: ",
    ),
    "no dict": ("return torch.ones(2)", "inputs.py:4: inputs returns a Tensor; return a dict of"),
    "a tensor that the config has not": (
        "return {'A': torch.ones(2), 'B': torch.ones(2)}",
        (
            "inputs.py:4: inputs gives 'B', which the config does not take from it; write "
            "`B: {from: inputs.py}` under tensors."
        ),
    ),
    "no tensor of the config": (
        "return {}",
        "inputs.py:4: inputs does not give 'A', which the config takes from it.",
    ),
    "what is no tensor": (
        "return {'A': [1, 2]}",
        "inputs.py:4: inputs gives 'A' as a list; it must be a torch.Tensor.",
    ),
    "a sparse tensor": (
        "return {'A': torch.eye(2).to_sparse()}",
        (
            "inputs.py:4: 'A' is a sparse_coo tensor on cpu; give a dense one on the CPU (of a sparse "
            "one, its indices and values)."
        ),
    ),
    "a dtype that no input has": (
        "return {'A': torch.ones(2).to(torch.uint16)}",
        (
            "inputs.py:4: 'A' is uint16; convert it to one of float64, float32, bfloat16, float16, complex128, "
            "complex64, int64, int32, int8, uint8, bool."
        ),
    ),
    "whole numbers that are to have a gradient": (
        "return {'A': torch.arange(2)}",
        (
            "inputs.py:4: 'A' is int64, which has no gradient; remove its requires_grad from the "
            "config."
        ),
    ),
    "nothing that is to have a gradient": (
        "return {'A': torch.ones(0)}",
        "inputs.py:4: 'A' has no elements; remove its requires_grad from the config.",
    ),
    "a draw without the generator": (
        "return {'A': torch.rand(2)}",
        (
            "inputs.py:4: 'A' is another one when inputs is called again with the generator in the "
            "same state; draw all that is random with generator=generator."
        ),
    ),
    "another shape in a later run": (
        "state.append(1); return {'A': torch.ones(1 + len(state) // 3)}",
        (
            "inputs.py:4: 'A' is float32 of shape (2,) in a run, and float32 of shape (1,) in the "
            "first; every run needs the same shapes, so pad what is ragged."
        ),
    ),
}


@pytest.mark.parametrize(("body", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_inputs_py_must_not_give_is_told_with_its_line(tmp_path, body, sentence):
    with pytest.raises(UserError) as error:
        draw(written(tmp_path, body), {"A": {"from": "inputs.py", "requires_grad": True}})
    assert str(error.value).removeprefix(f"{tmp_path}/").startswith(sentence)


def test_a_shape_that_the_config_says_otherwise_is_told(tmp_path):
    written(tmp_path, "return {'A': torch.ones(2)}")
    with pytest.raises(UserError, match=r"'A' has shape \(2,\), but the config says \[3\]\."):
        draw(tmp_path, {"A": {"from": "inputs.py", "shape": [3]}})


def test_whole_numbers_are_not_scaled(tmp_path):
    written(tmp_path, "return {'A': torch.arange(2)}")
    with pytest.raises(UserError, match="'A' is int64, which is not scaled; remove its scale"):
        draw(tmp_path, {"A": {"from": "inputs.py", "scale": 2.0}})


def test_a_parameter_that_inputs_cannot_have_is_told(tmp_path):
    written(tmp_path, "return {'A': torch.ones(2)}", "generator, x")
    with pytest.raises(UserError, match="inputs takes 'x', which is neither a tensor nor an"):
        draw(tmp_path, MADE | X)


def test_without_inputs_py_its_name_is_told(tmp_path):
    with pytest.raises(UserError, match=r"inputs\.py: is missing; write it with a function inputs"):
        draw(tmp_path, MADE)
