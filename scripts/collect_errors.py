"""Collect the errors of all dtypes and runs in one table.

in   parts    csv per dtype, as score_errors writes them, in the config's order
     chunks   safetensors, as measure_chunk writes them, in the order of `spans`
     spans    the runs of each chunk: sample, first run, one after the last
     needed   the tensors that require a gradient
out  errors   csv, columns dtype, comparison, sample, run, gradient, max_abs, max_ulp, rel_norm
"""

from pathlib import Path

from autograd_by_hand.core.files import atomic_path
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.comparisons import COMPARISONS
from autograd_by_hand.storage.errors_table import as_csv, read_csv, rows_of
from autograd_by_hand.storage.safetensors_numpy import read_arrays


def collect_errors(
    parts: list[Path],
    chunks: list[Path],
    spans: list[tuple[str, int, int]],
    needed: list[str],
    errors: Path,
) -> None:
    rest = [(*span, read_arrays(path)["errors"]) for span, path in zip(spans, chunks, strict=True)]
    with atomic_path(errors) as temporary, temporary.open("w", encoding="utf-8") as out:
        for index, part in enumerate(parts):
            table = read_csv(part)
            if not index:
                out.write(as_csv(table.head(0)))
            keys = ["dtype", "comparison", "sample", "gradient"]
            for names, group in table.groupby(keys, sort=False, observed=True):
                dtype, comparison, sample, gradient = map(str, names)
                out.write(as_csv(group, header=False))
                of = index, COMPARISONS.index(comparison), needed.index(gradient.removeprefix("d"))
                for name, first, _, values in rest:
                    if name == sample:
                        more = rows_of(values[of], dtype, comparison, sample, gradient, first)
                        out.write(as_csv(more, header=False))


if __name__ == "__main__":
    run_stage(collect_errors, snakemake)  # type: ignore[name-defined]
