"""Complex tensors through every stage: each is judged as its real and imaginary part."""

from pathlib import Path
from typing import Any

import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from autograd_by_hand.storage.safetensors_torch import read_tensors
from tests.conftest import TINY, first_of
from tests.in_process import Pipeline, begin

WORK = f"experiments/{TINY}/work"
# A complex product with a complex result, so that backward gets a complex cotangent.
PRODUCT: dict[str, Any] = {
    "forward": "def forward(z, W):\n    return (z @ W.mH).tanh()\n",
    "backward": """\
def backward(z, W, dout):
    y = (z @ W.mH).tanh()
    ds = dout * (1 - y * y).conj()
    return {"z": ds @ W, "W": ds.mH @ z}
""",
    "tensors": {
        "z": {"shape": [2, 3], "draw": "complex_randn", "scale": 0.3, "requires_grad": True},
        "W": {"shape": [4, 3], "draw": "complex_randn", "requires_grad": True},
    },
}
# A filter in the frequency domain: real tensors outside, complex ones within.
FILTER: dict[str, Any] = {
    "forward": """\
import torch


def forward(x, h):
    return torch.fft.irfft(torch.fft.rfft(x) * torch.fft.rfft(h), n=8)
""",
    "backward": """\
import torch


def backward(x, h, dout):
    D = torch.fft.rfft(dout)
    return {
        "x": torch.fft.irfft(D * torch.fft.rfft(h).conj(), n=8),
        "h": torch.fft.irfft((D * torch.fft.rfft(x).conj()), n=8).sum(0),
    }
""",
    "tensors": {
        "x": {"shape": [3, 8], "draw": "randn", "requires_grad": True},
        "h": {"shape": [8], "draw": "randn", "requires_grad": True},
    },
}
# Real tensors outside, a complex result; a half format is left for it.
SPECTRUM: dict[str, Any] = {
    "forward": """\
import torch


def forward(x):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return {"spectrum": torch.fft.rfft(wide), "power": (x * x).sum(-1)}
""",
    "backward": """\
import torch


def backward(x, dout_spectrum, dout_power):
    full = torch.zeros(x.shape, dtype=dout_spectrum.dtype)
    full[..., : dout_spectrum.shape[-1]] = dout_spectrum.conj()
    return {"x": (torch.fft.fft(full).real + 2 * x * dout_power[..., None]).to(x.dtype)}
""",
    "tensors": {"x": {"shape": [3, 6], "draw": "randn", "requires_grad": True}},
    "dtypes": ["float32", "bfloat16", "float16"],
}


def project(root: Path, one: dict[str, Any], **changed: Any) -> Pipeline:
    own = one | changed
    return begin(
        root,
        own["forward"],
        own["backward"],
        own["tensors"],
        own.get("dtypes", ["float64", "float32"]),
    )


def outcomes(root: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in read_json(root / WORK / "judgement.json")["verdicts"]:
        found.setdefault(one["gradient"], set()).add(one["outcome"])
    return found


@pytest.mark.parametrize(
    "one", first_of([FILTER, PRODUCT, SPECTRUM]), ids=["filter", "product", "spectrum"]
)
def test_right_is_right_and_told_to_the_end(tmp_path: Path, one: dict[str, Any]) -> None:
    project(tmp_path, one).make(f"experiments/{TINY}/manifest.json")
    assert set.union(*outcomes(tmp_path).values()) == {"right"}
    report = (tmp_path / f"experiments/{TINY}/REPORT.md").read_text()
    assert ("z and W are complex, and are judged" in report) == (one is PRODUCT)


@pytest.mark.parametrize(
    "case",
    first_of(
        [
            (PRODUCT, ".conj()\n", "\n", {"dz", "dW"}),
            (PRODUCT, "ds.mH @ z", "ds.mT @ z", {"dW"}),
            (FILTER, "rfft(h).conj()", "rfft(h)", {"dx"}),
            (SPECTRUM, "dout_spectrum.conj()", "dout_spectrum", {"dx"}),
        ]
    ),
    ids=["holomorphic only", "no conjugate", "convolved", "cotangent as it is"],
)
def test_a_missing_conjugate_is_wrong(
    tmp_path: Path, case: tuple[dict[str, Any], str, str, set[str]]
) -> None:
    one, old, new, wrong = case
    assert one["backward"].count(old) == 1
    changed = one["backward"].replace(old, new)
    project(tmp_path, one, backward=changed).make(f"{WORK}/judgement.json")
    found = outcomes(tmp_path)
    assert {name for name, one in found.items() if one == {"wrong"}} == wrong
    assert {name for name, one in found.items() if one == {"right"}} == found.keys() - wrong


def test_what_is_off_is_told_by_the_part_that_it_is_in(tmp_path: Path) -> None:
    own = "import torch\n" + PRODUCT["backward"]
    changed = own.replace('"z": ds @ W', '"z": torch.complex((ds @ W).real, -(ds @ W).imag)')
    project(tmp_path, PRODUCT, backward=changed).make(f"experiments/{TINY}/REPORT.md")
    report = (tmp_path / f"experiments/{TINY}/REPORT.md").read_text()
    assert "The likeliest mistake: only the imaginary part is wrong" in report
    furthest = [line for line in report.splitlines() if line.startswith("| `dz` | float64 |")]
    assert sum("; imaginary part |" in line for line in furthest) == 1


def test_what_is_stored_are_torch_s_own_gradients_by_parts(tmp_path: Path) -> None:
    project(tmp_path, PRODUCT).make(f"{WORK}/float64/autograd.safetensors")
    drawn, douts, found = (
        read_tensors(tmp_path / WORK / f"{name}.safetensors")
        for name in ("draws", "cotangents", "float64/autograd")
    )
    z, W, dout = (
        torch.view_as_complex(one[f"trial/{name}"][0].double().contiguous())
        for one, name in ((drawn, "z"), (drawn, "W"), (douts, "dout"))
    )
    z.requires_grad_()
    (z @ W.mH).tanh().backward(dout)
    assert z.grad is not None
    torch.testing.assert_close(torch.view_as_complex(found["trial/dz"][0]), z.grad)


REFUSED = {
    "a real gradient of a complex tensor": (
        '"z": ds @ W',
        '"z": (ds @ W).real',
        "dz is float32 but z is complex64; ",
    ),
    "another shape": (
        '"W": ds.mH @ z',
        '"W": (ds.mH @ z).T',
        "dW has shape (3, 4) but W has (4, 3); these are the 12 elements in the layout of W.T",
    ),
}


@pytest.mark.parametrize(("old", "new", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_gradient_that_cannot_be_used_is_told_in_complex_terms(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    changed = PRODUCT["backward"].replace(old, new)
    with pytest.raises(UserError) as error:
        project(tmp_path, PRODUCT, backward=changed).make(f"{WORK}/checked.txt")
    assert str(error.value).startswith(f"experiments/{TINY}/backward.py:1: {sentence}")


def test_a_complex_gradient_of_a_real_tensor_is_told(tmp_path: Path) -> None:
    changed = FILTER["backward"].replace("irfft(D * torch", "fft(D * torch")
    with pytest.raises(UserError, match="dx is complex64 but x is float32"):
        project(tmp_path, FILTER, backward=changed).make(f"{WORK}/checked.txt")


@pytest.mark.thorough
def test_chunks_measure_them_too(tmp_path: Path) -> None:
    own = PRODUCT
    pipeline = begin(
        tmp_path,
        own["forward"],
        own["backward"],
        own["tensors"],
        ["float32"],
        samples={"trial": {"seed": 7, "runs": 101}},
    )
    pipeline.make(f"{WORK}/chunks/trial.100-101.safetensors")
    errors = read_tensors(tmp_path / WORK / "chunks/trial.100-101.safetensors")["errors"]
    assert errors.isfinite().all()
    assert errors[..., -1].max() < 1e-5


def test_complex_from_inputs_py_refuses_the_half_formats(tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / TINY
    folder.mkdir(parents=True)
    text = "import torch\n\ndef inputs(generator):\n    return {'z': torch.ones(2, 3) * 1j}\n"
    (folder / "inputs.py").write_text(text)
    tensors = PRODUCT["tensors"] | {"z": {"from": "inputs.py", "requires_grad": True}}
    tensors["W"] = {"shape": [4, 3], "draw": "randn"}
    pipeline = project(tmp_path, PRODUCT, tensors=tensors, dtypes=["float32", "float16"])
    with pytest.raises(UserError, match=r"dtypes: 'z' is complex, and torch has no complex"):
        pipeline.make(f"{WORK}/draws.safetensors")
