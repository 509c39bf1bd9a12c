"""Measure Snakemake's overhead: a cold run against one process, a no-op run against `--version`.

The two of each pair are measured alternately, in a fresh copy of the tracked files. The figures are
medians; on another machine only their ratio is comparable.

Usage: PYTHONPATH=scripts python -m tests.bench.speed [repetitions]
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.one_process import targets

EXPERIMENT = "25-autograd-by-hand"


def main(repetitions: int) -> None:
    bin_ = Path(sys.executable).parent
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "copy")
        files = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
        for name in files.stdout.splitlines():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, copy / name)

        one = (sys.executable, "-m", "tests.bench.one_process", EXPERIMENT)

        def seconds(*command: str, fresh: bool = False) -> float:
            if fresh:
                shutil.rmtree(copy / ".snakemake", ignore_errors=True)
                shutil.rmtree(copy / "experiments" / EXPERIMENT / "work", ignore_errors=True)
            start = time.perf_counter()
            done = subprocess.run(
                command, cwd=copy, env=environment, check=True, capture_output=True, text=True
            )
            apart = float(done.stdout) if command[: len(one)] == one else 0.0
            return time.perf_counter() - start - apart

        snakemake = (str(bin_ / "snakemake"), "-c1")
        run = (*snakemake, *targets(EXPERIMENT))
        version = (str(bin_ / "snakemake"), "--version")
        seconds(*one, fresh=True), seconds(*run, fresh=True)  # compile the modules once
        cold = [(seconds(*one, fresh=True), seconds(*run, fresh=True)) for _ in range(repetitions)]
        idle = [(seconds(*version), seconds(*run)) for _ in range(repetitions)]
        dtypes = ("float64", "float32", "bfloat16", "float16")
        work = f"experiments/{EXPERIMENT}/work"
        measured = [f"{work}/{dtype}/errors.csv" for dtype in dtypes]
        replayed = [
            f"{work}/{dtype}/{name}.json" for dtype in dtypes for name in ("replay", "attribution")
        ]
        plain, whole = (snakemake + tuple(t) for t in (measured, measured + replayed))
        replay = [
            (seconds(*plain, fresh=True), seconds(*whole, fresh=True)) for _ in range(repetitions)
        ]
    _print("cold `snakemake -c1` against one process", cold)
    _print("cold run of all that is measured, with the replay against without", replay)
    _print("no-op `snakemake -c1` against `snakemake --version`", idle)


def _print(what: str, pairs: list[tuple[float, float]]) -> None:
    base, ours = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    print(f"{what}: {ours:.2f} s / {base:.2f} s = {ours / base:.2f}x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
