import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from autograd_by_hand.aten.dispatch import summable

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (torch.float64, np.float64),
        (torch.float32, np.float32),
        (torch.bfloat16, np.float32),
        (torch.float16, np.float32),
    ],
)
def test_an_array_holds_the_tensors_numbers_in_its_layout(dtype, kind):
    tensor = torch.randn(3, 5).to(dtype).t()
    array = summable(tensor)
    assert array.dtype == kind
    assert array.flags.f_contiguous
    assert array.tolist() == tensor.tolist()


def test_a_mode_does_not_import_torchs_compiler():
    code = (
        "import sys, torch\n"
        "from autograd_by_hand.replay.record import Observer\n"
        "with Observer(): torch.ones(2) + 1\n"
        "print('torch._dynamo' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SCRIPTS
    )
    assert found.stdout.strip() == "False"
