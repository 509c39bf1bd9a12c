import json

import numpy as np
import pytest
import torch

from scripts.lib.arrays import damaged, read_arrays
from scripts.lib.refusal import Refusal
from scripts.lib.tensors import write_tensors

KINDS = ["float64", "float32", "bfloat16", "float16", "int64", "int32", "uint8", "bool"]


@pytest.mark.parametrize("name", KINDS)
def test_an_array_has_the_dtype_the_shape_and_the_values_that_torch_wrote(tmp_path, name):
    written = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, name))
    write_tensors(tmp_path / "file", {"trial/x": written})
    read = read_arrays(tmp_path / "file")["trial/x"]
    assert read.dtype.name == ("float32" if name == "bfloat16" else name)
    assert read.tolist() == written.tolist()


def test_bfloat16_keeps_its_bits(tmp_path):
    written = torch.tensor([1 + 2**-7, float("nan"), -0.0], dtype=torch.bfloat16)
    write_tensors(tmp_path / "file", {"trial/x": written})
    read = read_arrays(tmp_path / "file")["trial/x"]
    assert read.tobytes() == written.float().numpy().tobytes()


def test_arrays_are_read_in_alphabetical_order(tmp_path):
    write_tensors(tmp_path / "file", {name: torch.ones(2) for name in ("b/x", "a/x", "a/W")})
    assert list(read_arrays(tmp_path / "file")) == ["a/W", "a/x", "b/x"]


def test_one_number_per_run_stays_one_number_per_run(tmp_path):
    write_tensors(tmp_path / "file", {"trial/result": torch.tensor([1.0, 2.0])})
    assert np.array_equal(read_arrays(tmp_path / "file")["trial/result"], [1.0, 2.0])


def lie(**entry):
    """A file of one tensor of two float32 whose header says something else."""
    said = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | entry
    header = json.dumps({"x": said}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(8)


LIES = [
    lie(dtype="F99"),
    lie(shape=[3]),
    lie(shape="x"),
    lie(data_offsets=[0, 80]),
    lie(data_offsets=[4, 8]),
    lie(data_offsets=[-8, 8]),
    lie(data_offsets=None),
    lie()[:-1],
    lie() + b"more",
]


@pytest.mark.parametrize("content", [b"", b"not tensors", b"\xff" * 64, *LIES])
def test_a_damaged_file_is_refused_with_its_name_and_the_remedy(tmp_path, content):
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    with pytest.raises(Refusal) as refusal:
        read_arrays(path)
    assert str(refusal.value) == (
        f"{path} is damaged (not a whole safetensors file); delete it and run snakemake again."
    )


def test_the_sentence_about_a_damaged_file_names_it(tmp_path):
    assert str(damaged(tmp_path)).startswith(f"{tmp_path} is damaged")
