"""Measure the cost of runs: the time by their number, the largest process, and two cores against one.

The lab's experiment runs in a fresh copy, with its trial alone and 200, 2000 and 20,000 runs. On
another machine only the exponents and ratios are comparable.

Usage: python -m tests.bench.runs [most runs]
"""

import math
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import copy_pipeline

LAB = Path("experiments/25-autograd-by-hand")
COUNTS = (200, 2000, 20_000)


def main(most: int) -> None:
    counts = [runs for runs in COUNTS if runs <= most]
    with tempfile.TemporaryDirectory() as scratch:
        copy = _copy(Path(scratch, "copy"))
        _run(copy, 200, 1)  # compile the modules once
        found = {runs: _run(copy, runs, 1) for runs in counts}
        one, two = found[counts[-1]][0], _run(copy, counts[-1], 2)[0]
    print("| runs | seconds, one core | largest process, MB |\n|---|---|---|")
    for runs, (seconds, memory) in found.items():
        print(f"| {runs} | {seconds:.0f} | {memory / 1e6:.0f} |")
    first, last = counts[0], counts[-1]
    exponent = math.log(found[last][0] / found[first][0]) / math.log(last / first)
    print(f"\ntime grows with runs to the power of {exponent:.2f}")
    print(f"{last} runs on two cores: {one / two:.2f} times as fast as on one")


def _copy(to: Path) -> Path:
    copy_pipeline(to)
    (to / "experiments/many").mkdir()
    for name in ("forward.py", "backward.py", "derivation.md"):
        shutil.copy(LAB / name, to / "experiments/many")
    return to


def _run(copy: Path, runs: int, cores: int) -> tuple[float, int]:
    """Seconds of a cold run, and the resident bytes of its largest process."""
    config = (LAB / "config.yaml").read_text(encoding="utf-8")
    head, _, rest = config.partition("  example: ")
    tail = rest[rest.index("\ndtypes: ") :].replace("all 20 runs", "all runs")
    folder = copy / "experiments/many"
    (folder / "config.yaml").write_text(f"{head}  trial: {{seed: 123, runs: {runs}}}\n{tail}")
    shutil.rmtree(folder / "work", ignore_errors=True)
    command = [str(Path(sys.executable).with_name("snakemake")), f"-c{cores}"]
    start = time.perf_counter()
    with Path(copy, "output.txt").open("w") as output:
        run = subprocess.Popen(command, cwd=copy, stdout=output, stderr=subprocess.STDOUT)
        largest = 0
        while run.poll() is None:
            largest = max(largest, _largest_below(copy))
            time.sleep(0.05)
    assert run.returncode == 0, Path(copy, "output.txt").read_text()
    return time.perf_counter() - start, largest


def _largest_below(folder: Path) -> int:
    """Resident bytes of the largest process that works in a folder."""
    found = [0]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder:
                pages = int((entry / "statm").read_text().split()[1])
                found.append(pages * 4096)
        except OSError:
            continue
    return max(found)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNTS[-1])
