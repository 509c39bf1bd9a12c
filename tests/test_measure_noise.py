import pytest

from scripts.lib.files import read_json
from scripts.lib.tensors import read_tensors, write_tensors
from scripts.measure_noise import measure_noise
from tests.stages import FORWARD, NEEDED, write_inputs

SUM = "def forward(x, W):\n    return x + W\n"


def run(folder, dtype="float32", forward=FORWARD, **draws):
    given = write_inputs(folder, forward=forward)
    if draws:
        write_tensors(given["draws"], {f"trial/{name}": one for name, one in draws.items()})
    made = folder / "noise.safetensors", folder / "overflows.json"
    measure_noise(
        dtype, given["forward"], given["draws"], given["cotangents"], NEEDED, 10, *made
    )
    return read_tensors(made[0]), read_json(made[1])


def test_whole_numbers_have_no_noise(tmp_path):
    noise, told = run(tmp_path)  # 6, 18 and 12 are numbers of every format
    assert {name: value.tolist() for name, value in noise.items()} == {
        "trial/dx": [0.0],
        "trial/dW": [0.0],
    }
    assert told == {"draws": 64, "overflows": {}}


@pytest.mark.parametrize(
    ("dtype", "eps"), [("float64", 2**-52), ("float32", 2**-23), ("bfloat16", 2**-7), ("float16", 2**-10)]
)
def test_noise_is_of_the_size_of_the_formats_rounding(tmp_path, dtype, eps):
    # 1.1 * 1.3 = 1.43 is rounded, and so are the products with it
    import torch

    noise, _ = run(tmp_path, dtype, x=torch.tensor([1.1]), W=torch.tensor([1.3]))
    for value in noise.values():
        assert 0.1 * eps < value.item() < 2 * eps


def test_an_overflow_is_counted_by_its_operation(tmp_path):
    import torch

    forward = "def forward(x, W):\n    return (x * W) * 1e-4\n"
    _, told = run(tmp_path, "float16", forward, x=torch.tensor([300.0]), W=torch.tensor([300.0]))
    assert told["overflows"] == {"mul": 64}


def test_the_same_inputs_have_the_same_noise(tmp_path):
    import torch

    draws = {"x": torch.tensor([1.1]), "W": torch.tensor([1.3])}
    (first, _), (second, _) = (run(tmp_path, **draws) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_many_runs_are_drawn_less_often_each(tmp_path):
    import torch

    given = write_inputs(tmp_path)
    write_tensors(given["cotangents"], {"trial/dout": torch.ones(32)})
    write_tensors(given["draws"], {"trial/x": torch.ones(32), "trial/W": torch.ones(32)})
    made = tmp_path / "noise.safetensors", tmp_path / "overflows.json"
    measure_noise(
        "float32", given["forward"], given["draws"], given["cotangents"], NEEDED, 10, *made
    )
    assert read_json(made[1])["draws"] == 4 * 32
