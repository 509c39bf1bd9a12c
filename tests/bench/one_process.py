"""Do the work of a whole run in one Python process, as the baseline for Snakemake.

Reading the Snakefile and resolving the rules is not part of that work; the script prints the
seconds that Snakemake takes for it.

Usage: PYTHONPATH=scripts python -m tests.bench.one_process 25-autograd-by-hand   (from the project's root)
"""

import sys
import time
from pathlib import Path

start = time.perf_counter()

from tests.in_process import Pipeline  # noqa: E402 - it imports Snakemake


def targets(experiment: str) -> list[str]:
    """The files that need the work of a whole run."""
    return [f"experiments/{experiment}/{file}" for file in ("manifest.json", "work/accepted.txt")]


def main(experiment: str) -> None:
    jobs = Pipeline(Path.cwd()).jobs(*targets(experiment))
    print(time.perf_counter() - start)
    for job in jobs:
        job.run()


if __name__ == "__main__":
    main(sys.argv[1])
