import json

import numpy as np
import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.storage.safetensors_numpy import damaged, read_arrays, stored_by_parts
from autograd_by_hand.storage.safetensors_torch import write_tensors

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
    said = {"dtype": "F32", "shape": [], "data_offsets": [0, 0]}
    header = {
        name: said | {"data_offsets": [4 * at, 4 * at + 4]}
        for at, name in enumerate(("b/x", "a/x", "a/W"))
    }
    (tmp_path / "file").write_bytes(with_header(json.dumps(header).encode()) + bytes(12))
    assert list(read_arrays(tmp_path / "file")) == ["a/W", "a/x", "b/x"]


def test_one_number_per_run_stays_one_number_per_run(tmp_path):
    write_tensors(tmp_path / "file", {"trial/result": torch.tensor([1.0, 2.0])})
    assert np.array_equal(read_arrays(tmp_path / "file")["trial/result"], [1.0, 2.0])


def lie(**entry):
    """A file of one tensor of two float32 whose header says something else."""
    said = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | entry
    header = json.dumps({"x": said}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(8)


def two(first, second, size=8):
    """A file whose header gives the shapes and the places of two tensors of float32."""
    named = zip("xy", (first, second), strict=True)
    said = {
        name: {"dtype": "F32", "shape": shape, "data_offsets": place}
        for name, (shape, place) in named
    }
    return with_header(json.dumps(said).encode()) + bytes(size)


def with_header(header):
    return len(header).to_bytes(8, "little") + header


LIES = {
    "an unknown dtype": lie(dtype="F99"),
    "a dtype that is no name": lie(dtype=["F32"]),
    "a shape that is too large": lie(shape=[3]),
    "a shape that is too small": lie(shape=[1]),
    "a shape of another number of axes": lie(shape=[2, 2]),
    "a shape that no machine has": lie(shape=[2**70]),
    "a shape that is no list": lie(shape="x"),
    "a shape that is a number": lie(shape=2),
    "no shape": lie(shape=None),
    "a size that is left open": lie(shape=[-1]),
    "an end beyond the end": lie(data_offsets=[0, 80]),
    "an end beyond the end and a shape that fits it": lie(shape=[20], data_offsets=[0, 80]),
    "an end beyond the end that another makes up for": two(([2], [0, 12]), ([0], [12, 8])),
    "two places that overlap": two(([2], [0, 8]), ([2], [0, 8]), size=16),
    "a place that nothing has": two(([1], [0, 4]), ([1], [8, 12]), size=12),
    "a late beginning": lie(data_offsets=[4, 8]),
    "a negative beginning": lie(data_offsets=[-8, 8]),
    "an end before the beginning": lie(data_offsets=[8, 0]),
    "three offsets": lie(data_offsets=[0, 8, 8]),
    "offsets that are no whole numbers": lie(data_offsets=[0.0, 8.0]),
    "no offsets": lie(data_offsets=None),
    "a header that is a list": with_header(b"[]"),
    "a header of text": with_header(b'"x"'),
    "a header that is no text": with_header(b"\xff{}"),
    "a header that is too deep": with_header(b"[" * 100_000),
    "a header longer than the file": (2**63).to_bytes(8, "little") + b"{}",
    "an entry that is a list": with_header(b'{"x": [1]}'),
    "a byte too few": lie()[:-1],
    "a byte too many": lie() + b"more",
}


@pytest.mark.parametrize("content", [b"", b"not tensors", b"\xff" * 64, *LIES.values()], ids=["nothing", "text", "noise", *LIES])  # fmt: skip
def test_a_damaged_file_is_refused_with_its_name_and_the_remedy(tmp_path, content):
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_arrays(path)
    assert str(error.value) == (
        f"{path} is damaged (not a whole safetensors file); delete it and run snakemake again."
    )


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "file.safetensors"
    write_tensors(path, {"trial/x": torch.ones(2, 3), "trial/W": torch.ones(2).bfloat16()})
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError):
            read_arrays(path)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1, 1)])
def test_an_array_may_have_no_axes_or_no_elements(tmp_path, shape):
    write_tensors(tmp_path / "file", {"trial/x": torch.ones(shape)})
    assert read_arrays(tmp_path / "file")["trial/x"].shape == shape


def test_what_is_said_about_the_file_is_no_array(tmp_path):
    said = b'{"__metadata__": {"format": "pt"}}'
    (tmp_path / "file").write_bytes(with_header(said))
    assert read_arrays(tmp_path / "file") == {}


def test_which_tensors_stand_for_complex_ones_is_read_from_the_header(tmp_path):
    tensors = {"trial/dz": torch.ones(3, 2), "trial/dx": torch.ones(3)}
    write_tensors(tmp_path / "file", tensors, by_parts=["dz"])
    assert stored_by_parts(tmp_path / "file") == ["dz"]
    write_tensors(tmp_path / "file", tensors)
    assert stored_by_parts(tmp_path / "file") == []


@pytest.mark.parametrize("bad", [b"", b"abc", b"\5\0\0\0\0\0\0\0[1,2]", b"\xff" * 9])
def test_a_damaged_header_says_nothing_and_is_refused(tmp_path, bad):
    (tmp_path / "file").write_bytes(bad)
    with pytest.raises(UserError):
        stored_by_parts(tmp_path / "file")


def test_torch_is_not_needed(run_python, tmp_path):
    write_tensors(tmp_path / "file", {"trial/x": torch.ones(2)})
    code = """
import sys
from pathlib import Path
from autograd_by_hand.storage.safetensors_numpy import read_arrays
print(read_arrays(Path(sys.argv[1]))["trial/x"].tolist(), "torch" in sys.modules)
"""
    assert run_python(code, str(tmp_path / "file")).stdout == "[1.0, 1.0] False\n"


def test_the_sentence_about_a_damaged_file_names_it(tmp_path):
    assert str(damaged(tmp_path)).startswith(f"{tmp_path} is damaged")
