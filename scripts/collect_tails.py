"""Add up the histograms of the errors ("tails") of all runs of the trial.

in   parts   json per dtype, as score_errors writes them
     chunks  json, as measure_chunk writes them, in the order of their runs
out  tails   json: by dtype, `gradients`, the counts of `verdict.error_histogram`, and `lost`, how
             many runs have a result of forward that is not finite
"""

from pathlib import Path

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.verdict.error_histogram import added


def collect_tails(parts: list[Path], chunks: list[Path], tails: Path) -> None:
    heads = {dtype: counts for part in parts for dtype, counts in read_json(part).items()}
    rest = [read_json(chunk) for chunk in chunks]
    write_json(
        tails,
        {
            dtype: {
                "gradients": {
                    name: added([tail, *(one[dtype]["gradients"][name] for one in rest)])
                    for name, tail in head["gradients"].items()
                },
                "lost": head["lost"] + sum(one[dtype]["lost"] for one in rest),
            }
            for dtype, head in heads.items()
        },
    )


if __name__ == "__main__":
    run_stage(collect_tails, snakemake)  # type: ignore[name-defined]
