"""Put the errors of all formats into the experiment's one table.

in   parts   csv per format, as score_errors writes them, in the config's order of formats
out  errors  csv, columns dtype, comparison, sample, run, gradient, max_abs, max_ulp, rel_norm
"""

from pathlib import Path

import pandas as pd

from scripts.lib.stage import run_stage
from scripts.lib.tables import read_csv, write_csv


def collect_errors(parts: list[Path], errors: Path) -> None:
    write_csv(errors, pd.concat([read_csv(part) for part in parts], ignore_index=True))


if __name__ == "__main__":
    run_stage(collect_errors, snakemake)  # type: ignore[name-defined]
