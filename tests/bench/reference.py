"""Measure what the proven reference costs against one slow gradcheck of the same case.

The reference is what the stages prove_reference and compute_reference do for one run in float64.
gradcheck is torch's, of autograd's own gradient, and perturbs every element of every input. The
cases are the lab, and operators of the benchmark in their declared sizes. The figures are medians;
on another machine only the ratios are comparable.

Usage: PYTHONPATH=scripts python -m tests.bench.reference [repetitions]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
import yaml
from torch import Tensor
from torch.autograd import gradcheck

from autograd_by_hand.core.files import read_json
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import load_function
from autograd_by_hand.storage.safetensors_torch import read_given, read_runs
from compute_reference import compute_reference
from prove_reference import prove_reference
from tests.conftest import TINY
from tests.in_process import begin
from tests.operators import eight
from tests.operators.case import Operator

LAB = Path("experiments/25-autograd-by-hand")
OPERATORS = ("layer_norm", "softmax", "causal_attention", "gelu", "batch_norm")
LIMIT = 600.0


def main(repetitions: int) -> None:
    print("| case | elements | ball arithmetic | the reference | slow gradcheck | ratio |")
    print("|---|---|---|---|---|---|")
    shipped = {one.name: one for one in eight()}
    for operator in (_lab(), *(shipped[name] for name in OPERATORS)):
        with tempfile.TemporaryDirectory() as folder:
            print(_row(operator, Path(folder), repetitions), flush=True)


def _lab() -> Operator:
    config = yaml.safe_load((LAB / "config.yaml").read_text(encoding="utf-8"))
    forward, backward = ((LAB / f"{name}.py").read_text() for name in ("forward", "backward"))
    return Operator(f"the lab, {LAB.name}", config["tensors"], forward, backward)


def _row(operator: Operator, root: Path, repetitions: int) -> str:
    samples = {"trial": {"seed": 0, "runs": 1}}
    pipeline = begin(
        root, operator.forward, operator.backward, operator.tensors, ["float64"], samples=samples
    )
    folder = root / "experiments" / TINY
    pipeline.make(
        *(f"experiments/{TINY}/work/{name}.safetensors" for name in ("draws", "cotangents"))
    )
    needed = [name for name, spec in operator.tensors.items() if spec.get("requires_grad")]
    given: dict[str, Any] = {
        "forward": folder / "forward.py",
        "draws": folder / "work/draws.safetensors",
        "cotangents": folder / "work/cotangents.safetensors",
        "proof": root / "proof.json",
        "needed": needed,
        "time_limit": LIMIT,
    }

    def refer() -> None:
        gradients, arithmetic = root / "reference.safetensors", root / "arithmetic.json"
        compute_reference("float64", gradients=gradients, arithmetic=arithmetic, **given)

    proving = _seconds(lambda: prove_reference(**given), repetitions)
    referring = _seconds(refer, repetitions)
    proof = read_json(given["proof"])
    assert proof["reason"] is None, proof["reason"]
    checked = read_given(given["draws"])
    function = load_function(given["forward"], "forward", checked, LIMIT)
    (run,) = read_runs(given["draws"], given["cotangents"])
    wide = {name: cast(value, torch.float64) for name, value in run.tensors.items()}

    def of_needed(*values: Tensor) -> Tensor:
        found: Tensor = function(**wide | dict(zip(needed, values, strict=True)))
        return found

    leaves = [wide[name].clone().requires_grad_() for name in needed]
    checking = _seconds(lambda: gradcheck(of_needed, leaves), repetitions)
    elements = sum(leaf.numel() for leaf in leaves)
    total = proving + referring
    return (
        f"| {operator.name} | {elements:,} | {proving:.2f} s | {total:.2f} s | {checking:.2f} s "
        f"| {total / checking:.2f} |"
    )


def _seconds(action: Callable[[], object], repetitions: int) -> float:
    """The median time of an action, in seconds of processor time."""
    times = []
    for _ in range(repetitions):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return median(times)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]) if sys.argv[1:] else 3)
