"""Tell what was measured and judged, in REPORT.md.

in   errors, graph, judgement, environment,
     tails, oracle, opinion, tried               as their stages write them; `tried` if there is
     facts, calls, arithmetic, handed_over,
     replays, attributions                       json per format, in the order of `dtypes`
     operations, orders                          json of the format that is shown in full
     written                                     the author's files; derivation.md is quoted, and
                                                 discussion.md, a Jinja template, is filled in
     figures                                     the pictures
     title, question, specs, samples, dtypes     from the config
out  report                                      Markdown with LaTeX, as GitHub renders it

Computes nothing: every figure was measured by a stage before, and chooses the words around it.
"""

from pathlib import Path
from typing import Any

from scripts.lib.comparisons import COMPARISONS
from scripts.lib.files import read_json, write_text
from scripts.lib.formats import precision
from scripts.lib.graph_order import listing
from scripts.lib.settings import shown_format
from scripts.lib.stage import run_stage
from scripts.lib.sums_told import sums_told
from scripts.lib.tables import read_csv, summarise
from scripts.lib.templates import render


def render_report(
    experiment: str,
    errors: Path,
    judgement: Path,
    facts: list[Path],
    calls: list[Path],
    arithmetic: list[Path],
    handed_over: list[Path],
    replays: list[Path],
    attributions: list[Path],
    operations: Path,
    orders: Path,
    tails: Path,
    oracle: Path,
    opinion: Path,
    tried: list[Path],
    graph: Path,
    environment: Path,
    written: list[Path],
    title: str,
    question: str,
    specs: dict[str, Any],
    samples: dict[str, Any],
    dtypes: list[str],
    report: Path,
) -> None:
    table, drawn = read_csv(errors), read_json(graph)

    def by_dtype(paths: list[Path]) -> dict[str, Any]:
        return dict(zip(dtypes, map(read_json, paths), strict=True))

    judged, tailed = read_json(judgement), read_json(tails)
    for verdict in judged["verdicts"]:  # those that fail alike are told together
        verdict["why"] = (verdict["diagnosis"] or {"name": verdict["reason"]})["name"]
    measured = {
        sample: {
            (row["dtype"], row["comparison"], row["gradient"]): row
            for row in summarise(table, sample)
        }
        for sample in samples
    }
    gradients = [f"d{name}" for name, spec in specs.items() if spec.get("requires_grad")]
    values = {
        "experiment": experiment,
        "title": title,
        "question": question,
        "specs": specs,
        "samples": samples,
        "dtypes": dtypes,
        "shown": shown_format(dtypes),
        "gradients": gradients,
        "identical": [
            dtype
            for dtype, fact in by_dtype(facts).items()
            if all(one["identical"] for one in fact["samples"]["trial"]["gradients"].values())
            and not any(one["unequal"] for one in tailed[dtype]["gradients"].values())
        ],
        "comparisons": COMPARISONS,
        "errors": measured,
        "precision": {dtype: precision(dtype) for dtype in dtypes},
        "facts": by_dtype(facts),
        "calls": by_dtype(calls),
        "arithmetic": by_dtype(arithmetic),
        "handed_over": by_dtype(handed_over),
        "tails": tailed,
        "oracle": read_json(oracle),
        "gradcheck": read_json(opinion),
        "pitfalls": [row for path in tried for row in read_json(path)],
        "replay": by_dtype(replays),
        "attribution": by_dtype(attributions),
        "sums": sums_told(read_json(operations), read_json(orders)["sums"]),
        "graph": drawn | {"lines": listing(drawn["nodes"])},
        "environment": read_json(environment),
        "judgement": judged,
        "written": {path.name: path.read_text(encoding="utf-8") for path in written},
    }
    discussion = "discussion.md"
    if discussion in values["written"]:
        folder = next(path.parent for path in written if path.name == discussion)
        values["discussion"] = render(discussion, values, folder)
    write_text(report, render("REPORT.md.j2", values))


if __name__ == "__main__":
    run_stage(render_report, snakemake)  # type: ignore[name-defined]
