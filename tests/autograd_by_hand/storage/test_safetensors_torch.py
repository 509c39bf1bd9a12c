import pytest
import torch
from safetensors.torch import save_file

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.storage.safetensors_torch import Stack, read_tensors, runs_of, write_tensors


def test_tensors_read_back_with_their_dtypes_shapes_and_bits(tmp_path):
    written = {
        "trial/x": torch.tensor([[1.5, -0.0], [float("inf"), 2.0**-149]]),
        "trial/n": torch.tensor([2**62 + 1]),
        "trial/h": torch.tensor([1.0, 65504.0], dtype=torch.float16),
        "trial/b": torch.tensor([1.0, 3.0], dtype=torch.bfloat16),
        "trial/loss": torch.tensor([0.1], dtype=torch.float64),
    }
    write_tensors(tmp_path / "file", written)
    read = read_tensors(tmp_path / "file")
    assert set(read) == set(written)
    for name, tensor in written.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)


def test_names_are_read_in_alphabetical_order(tmp_path):
    write_tensors(tmp_path / "file", {name: torch.ones(2) for name in ("b/x", "a/x", "a/W")})
    assert list(read_tensors(tmp_path / "file")) == ["a/W", "a/x", "b/x"]


def test_the_same_tensors_give_the_same_bytes(tmp_path):
    tensors = {"trial/x": torch.ones(2, 3), "trial/W": torch.zeros(4)}
    write_tensors(tmp_path / "first", tensors)
    write_tensors(tmp_path / "second", {name: value.clone() for name, value in tensors.items()})
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_transposed_tensor_is_written_as_it_looks_not_as_it_lies(tmp_path):
    value = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).T
    write_tensors(tmp_path / "file", {"trial/x": value})
    assert read_tensors(tmp_path / "file")["trial/x"].tolist() == [[1, 4], [2, 5], [3, 6]]


def test_two_names_for_one_tensor_are_written_as_two(tmp_path):
    value = torch.ones(2)
    write_tensors(tmp_path / "file", {"a/x": value, "b/x": value})
    assert list(read_tensors(tmp_path / "file")) == ["a/x", "b/x"]


def test_a_tensor_that_requires_a_gradient_can_be_written(tmp_path):
    write_tensors(tmp_path / "file", {"a/x": torch.ones(2, requires_grad=True)})
    assert not read_tensors(tmp_path / "file")["a/x"].requires_grad


@pytest.mark.parametrize("kept", [0, 4, -1])
def test_a_damaged_file_is_refused_with_its_name_and_the_remedy(tmp_path, kept):
    path = tmp_path / "file.safetensors"
    write_tensors(path, {"trial/x": torch.ones(2)})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError) as error:
        read_tensors(path)
    assert str(error.value) == (
        f"{path} is damaged (not a whole safetensors file); delete it and run snakemake again."
    )


def test_runs_are_taken_apart_by_sample_number_and_plain_name():
    runs = runs_of(
        {
            "trial/x": torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
            "trial/dout": torch.tensor([1.0, 1.0]),
            "example/x": torch.tensor([[5.0, 6.0]]),
        }
    )
    assert [(sample, number) for sample, number, _ in runs] == [
        ("trial", 0),
        ("trial", 1),
        ("example", 0),
    ]
    assert [{name: value.tolist() for name, value in named.items()} for _, _, named in runs] == [
        {"x": [1, 2], "dout": 1},
        {"x": [3, 4], "dout": 1},
        {"x": [5, 6]},
    ]


def test_only_the_first_slash_ends_the_sample():
    ((sample, _, named),) = runs_of({"trial/a/b": torch.ones(1)})
    assert (sample, list(named)) == ("trial", ["a/b"])


def test_a_stack_gives_runs_along_the_first_axis_by_sample():
    stack = Stack()
    stack.add("trial", {"dx": torch.tensor([1.0, 2.0]), "loss": torch.tensor(7.0)})
    stack.add("trial", {"dx": torch.tensor([3.0, 4.0]), "loss": torch.tensor(8.0)})
    stack.add("example", {"dx": torch.tensor([5.0, 6.0])})
    assert {key: value.tolist() for key, value in stack.stacked().items()} == {
        "trial/dx": [[1, 2], [3, 4]],
        "trial/loss": [7, 8],
        "example/dx": [[5, 6]],
    }


def test_what_is_stacked_comes_apart_into_the_same_runs():
    stack = Stack()
    for run in range(3):
        stack.add("trial", {"x": torch.full((2,), float(run))})
    values = [named["x"].tolist() for _, _, named in runs_of(stack.stacked())]
    assert values == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_complex_numbers_read_back_with_their_bits_whether_conjugate_or_not(tmp_path, dtype):
    value = torch.tensor([[1 + 2j, -0.0 + 0.1j]], dtype=dtype)
    written = {"trial/z": value, "trial/conjugate": value.conj(), "trial/imag": value.conj().imag}
    write_tensors(tmp_path / "file", written)
    read, arrays = read_tensors(tmp_path / "file"), read_arrays(tmp_path / "file")
    for name, tensor in written.items():
        assert torch.equal(read[name], tensor), name
        assert arrays[name].tobytes() == tensor.resolve_conj().resolve_neg().numpy().tobytes(), name


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("dtype", [torch.complex32, torch.float8_e5m2])
def test_numbers_that_no_file_holds_are_written_wider(tmp_path, dtype):
    write_tensors(tmp_path / "file", {"trial/z": torch.ones(2).to(dtype)})
    wide = read_tensors(tmp_path / "file")["trial/z"]
    assert torch.equal(wide, torch.ones(2, dtype=wide.dtype))
    assert read_arrays(tmp_path / "file")["trial/z"].tolist() == [1, 1]


NOTES = ['{"complex": ["trial/x"]}', '{"complex": ["trial/other"]}', '{"complex": 7}', "[]", "no"]


@pytest.mark.parametrize("notes", NOTES)
def test_notes_that_call_a_wrong_tensor_complex_are_damage(tmp_path, notes):
    save_file({"trial/x": torch.ones(3)}, tmp_path / "file", {"notes": notes})
    for read in (read_tensors, read_arrays):
        with pytest.raises(UserError, match="is damaged"):
            read(tmp_path / "file")
