"""Tell what was measured and judged, in a language: REPORT.md is English, REPORT.es.md Spanish.

in   errors, graph, judgement, environment,
     tails, oracle, opinion, tried               as their stages write them; `tried` if there is
     facts, calls, arithmetic, handed_over,
     replays, attributions                       json per format, in the order of `dtypes`
     operations, orders                          json of the format that is shown in full
     written                                     the author's files; derivation.md is quoted, and
                                                 discussion.md, a Jinja template, is filled in;
                                                 derivation.es.md goes before it in Spanish
     figures                                     the pictures
     title, question, specs, samples, dtypes     from the config
     language                                    the report's
     languages                                   all that the experiment is told in, the author's
                                                 own first
     translations                                the author's, by language and text
out  report                                      Markdown with LaTeX, as GitHub renders it

Computes nothing: every figure was measured by a stage before, and chooses the words around it.
"""

from pathlib import Path
from typing import Any

from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.experiment.graph_listing import listing
from autograd_by_hand.experiment.settings import edition, shown_format
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.replay.sum_table import sums_told
from autograd_by_hand.report.templates import render
from autograd_by_hand.report.translation import NAMES
from autograd_by_hand.storage.comparisons import COMPARISONS
from autograd_by_hand.storage.errors_table import read_csv, summarise


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
    language: str,
    languages: list[str],
    translations: dict[str, dict[str, str]],
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
        "edition": edition(language),
        "editions": [
            {"name": NAMES[one], "file": one != language and f"REPORT{edition(one)}.md"}
            for one in languages
        ],
        "languages": languages,
    }
    own = translations.get(language, {})
    texts = [title, question, *(row["criterion"] for row in judged["acceptance"])]
    texts += [row["mistake"] for row in values["pitfalls"]]
    foreign = language != languages[0]
    derivation, discussion = (
        _in_language(written, name, language) for name in ("derivation", "discussion")
    )
    values["untranslated"] = {
        "texts": foreign and not own.keys() >= set(texts),
        "derivation": foreign and derivation.stem == "derivation",
        "discussion": foreign and discussion.stem == "discussion",
    }
    values["derivation"] = derivation.read_text(encoding="utf-8")
    if discussion in written:
        values["discussion"] = render(
            discussion.name, values, discussion.parent, language=language, own=own
        )
    write_text(report, render("REPORT.md.j2", values, language=language, own=own))


def _in_language(written: list[Path], name: str, language: str) -> Path:
    """The author's text in a language, or the original, which need not be there."""
    folder = written[0].parent
    translated = folder / f"{name}.{language}.md"
    return translated if translated in written else folder / f"{name}.md"


if __name__ == "__main__":
    run_stage(render_report, snakemake)  # type: ignore[name-defined]
