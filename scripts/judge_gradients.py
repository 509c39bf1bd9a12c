"""Pass the verdict on each gradient, and evaluate the experiment's acceptance criteria.

in   errors        csv: the experiment's errors
     facts         json per format, as score_errors writes them
     calls         json per format, as compute_manual writes them
     attributions  json per format, as attribute_difference writes them
     graph         json: the graph of forward
     acceptance    the config's criteria
     dtypes        the formats, in the order of `facts`, `calls` and `attributions`
out  judgement     json: `verdicts`, `acceptance`

Judges what was measured; measures nothing and words no report.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from scripts.lib.acceptance import evaluate
from scripts.lib.files import read_json, write_json
from scripts.lib.formats import precision
from scripts.lib.stage import run_stage
from scripts.lib.tables import read_csv
from scripts.lib.verdict import judge_gradient


def judge_gradients(
    errors: Path,
    facts: list[Path],
    calls: list[Path],
    attributions: list[Path],
    graph: Path,
    acceptance: list[dict[str, Any]],
    dtypes: list[str],
    judgement: Path,
) -> None:
    table, nodes = read_csv(errors), read_json(graph)["nodes"]
    facts_of = dict(zip(dtypes, map(read_json, facts), strict=True))
    calls_of = dict(zip(dtypes, map(read_json, calls), strict=True))
    attributed = dict(zip(dtypes, map(read_json, attributions), strict=True))
    verdicts = _verdicts(table, facts_of, calls_of)
    write_json(
        judgement,
        {
            "verdicts": verdicts,
            "acceptance": [evaluate(one, table, nodes, verdicts, attributed) for one in acceptance],
        },
    )


def _verdicts(
    table: pd.DataFrame, facts_of: dict[str, Any], calls_of: dict[str, Any]
) -> list[dict[str, Any]]:
    """One per format and gradient, in the order given; the widest format is judged first."""
    trial = table[table["sample"] == "trial"]
    worst = trial.groupby(["dtype", "comparison", "gradient"])["rel_norm"].max()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for dtype in sorted(facts_of, key=precision, reverse=True):
        for gradient, facts in facts_of[dtype]["samples"]["trial"]["gradients"].items():
            wider = [verdict for (_, name), verdict in found.items() if name == gradient]
            found[dtype, gradient] = judge_gradient(
                dtype,
                facts,
                float(worst[dtype, "manual_vs_reference", gradient]),
                float(worst[dtype, "autograd_vs_reference", gradient]),
                calls_of[dtype]["second_call"][gradient.removeprefix("d")],
                right_in_widest=bool(wider) and wider[0]["outcome"] == "right",
            )
    return [
        {"gradient": gradient, "dtype": dtype, **found[dtype, gradient]}
        for dtype, facts in facts_of.items()
        for gradient in facts["samples"]["trial"]["gradients"]
    ]


if __name__ == "__main__":
    run_stage(judge_gradients, snakemake)  # type: ignore[name-defined]
