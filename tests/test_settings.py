"""Orders that are revealed under one setting of the libraries replay its bits under any other."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT, first_of

SETTINGS = {
    "as it comes": {},
    "MKL for any processor": {"MKL_CBWR": "COMPATIBLE"},
    "torch without vectors": {"ATEN_CPU_CAPABILITY": "default"},
    "oneDNN in AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "numpy for an older processor": {"OPENBLAS_CORETYPE": "Haswell"},
    "two threads": {"OMP_NUM_THREADS": "2"},
}
REVEAL = """\
import sys
from pathlib import Path
from tests.layer import Layer
for dtype in ("float64", "float32", "bfloat16", "float16"):
    layer = Layer(Path(sys.argv[1], dtype), dtype).all()
    assert layer.replay()["proved"]
    assert layer.attribute()["refused"] is None
"""


REPLAY = """\
import sys
from pathlib import Path
from autograd_by_hand.storage.safetensors_numpy import arrays_by_sample
from autograd_by_hand.core.files import read_json
from autograd_by_hand.replay.compare import verified
for dtype in ("float64", "float32", "bfloat16", "float16"):
    work = Path(sys.argv[1], dtype, "experiments/tiny/work")
    program = read_json(work / dtype / "operations.json")["autograd"]
    orders = read_json(work / dtype / "orders.json")["sums"]
    inputs = arrays_by_sample(work / "draws.safetensors", work / "cotangents.safetensors")
    names = ("recorded.safetensors", "autograd.safetensors")
    made = arrays_by_sample(*(work / dtype / name for name in names))
    for row in verified(dtype, program, orders, inputs, made)["tensors"]:
        print(dtype, row["tensor"], row["data"], row["elements"] - row["identical"])
"""


def run(*command, **environment):
    path = os.pathsep.join([str(ROOT), str(ROOT / "scripts")])
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("setting", first_of(SETTINGS.values()), ids=SETTINGS)
@pytest.mark.thorough
def test_what_is_revealed_under_a_setting_is_replayed_under_the_others(tmp_path, setting):
    run("-c", REVEAL, tmp_path, **setting)
    for other in SETTINGS.values():
        lines = run("-c", REPLAY, tmp_path, **other).splitlines()
        assert len(lines) == 40  # y, the loss and three gradients in four formats, on two data
        assert {line.split()[-1] for line in lines} == {"0"}


LONG = """\
import sys
from pathlib import Path
import torch
from autograd_by_hand.summation import masked_sums
from tests.layer import Layer
masked_sums.PATIENCE = 10**8  # so that what is not known is refused, which probing would take minutes for
layer = Layer(
    Path(sys.argv[1]),
    forward="def forward(x):\\n    return (x * x).sum()\\n",
    backward="def backward(x):\\n    return {'x': 2 * x}\\n",
    shapes={"x": (70_000,)},
).all()
found = layer.replay()
missed = any(row["identical"] < row["elements"] for row in found["tensors"])
print(torch.get_num_threads(), found["proved"], bool(found["refused"]), missed)
"""


@pytest.mark.thorough
def test_a_sum_that_threads_share_is_proved_or_said_not_to_be(tmp_path):
    told = run("-c", LONG, tmp_path, OMP_NUM_THREADS="2")
    threads, proved, refused, missed = told.split()
    assert threads == "2"
    assert missed == "False"
    assert (proved == "True") != (refused == "True")
