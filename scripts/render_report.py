"""Write the report in one language: REPORT.md is English, REPORT.es.md Spanish.

in   errors, graph, judgement, environment, made,
     tails, oracle, proof, opinion, tried, sizes as their stages write them; `tried` only if the
                                                 config has pitfalls
     facts, calls, arithmetic, handed_over,
     replays, attributions                       json per dtype, in the order of `dtypes`
     operations, orders                          json of the dtype that is shown in full
     written                                     the author's files; derivation.md is quoted and
                                                 discussion.md, a Jinja template, is rendered; the
                                                 Spanish report prefers derivation.es.md and
                                                 discussion.es.md
     mistakes                                    as name_mistakes writes it, to say if it is missing
     figures                                     the pictures
     title, question, specs, arguments, samples, dtypes
                                                 from the config
     language                                    the report's
     languages                                   all languages of the experiment's reports, the
                                                 author's own first
     translations                                the author's, by language and text
     surrogate                                   the config's: the file that is differentiated in
                                                 place of forward.py, or None
     computes_in                                 the config's: the dtype that backward computes in
                                                 whatever it is given, or None
out  report                                      Markdown with LaTeX, as GitHub renders it

What an explaining stage wrote may be missing (`storage.missing`); the report says so in its place.

The sections of a `ReportView` compute what the report shows and choose the words; discussion.md may
use the fields of `Measurements`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.experiment.settings import Argument, SampleSpec, TensorSpec
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.replay.sum_table import SumRow, described_sums
from autograd_by_hand.report.measurements import Errors, Measurements
from autograd_by_hand.report.report_view import Text, report_view
from autograd_by_hand.report.templates import render
from autograd_by_hand.storage.attribution import read_attribution
from autograd_by_hand.storage.errors_table import Summary, read_csv, summarise
from autograd_by_hand.storage.missing import distinct_missing, missing_in, read_part


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
    proof: Path,
    opinion: Path,
    tried: list[Path],
    sizes: list[Path],
    graph: Path,
    environment: Path,
    made: Path,
    mistakes: Path,
    figures: list[Path],
    written: list[Path],
    title: str,
    question: str,
    specs: dict[str, TensorSpec],
    arguments: dict[str, Argument],
    samples: dict[str, SampleSpec],
    dtypes: list[str],
    language: str,
    languages: list[str],
    translations: dict[str, dict[str, str]],
    surrogate: str | None,
    computes_in: str | None,
    report: Path,
) -> None:
    def by_dtype(paths: list[Path], read: Callable[[Path], Any] = read_json) -> dict[str, Any]:
        return dict(zip(dtypes, map(read, paths), strict=True))

    table = read_csv(errors)
    parts = [*handed_over, operations, orders, *replays, *attributions, mistakes, *tried, *sizes]
    missing = distinct_missing([*parts, graph, oracle, proof, opinion, *figures])
    measured = Measurements(
        experiment=experiment,
        title=title,
        question=question,
        specs=specs,
        samples=samples,
        dtypes=dtypes,
        errors={sample: _by_name(summarise(table, sample)) for sample in samples},
        judgement=read_json(judgement),
        facts=by_dtype(facts),
        calls=by_dtype(calls),
        arithmetic=by_dtype(arithmetic),
        handed_over=by_dtype(handed_over, read_part),
        replay=by_dtype(replays, read_part),
        attribution=by_dtype(attributions, read_attribution),
        tails=read_json(tails),
        oracle=read_part(oracle),
        gradcheck=read_part(opinion),
        pitfalls=read_part(tried[0]) if tried else [],
        sizes=read_part(sizes[0]) if sizes else [],
        sums=missing_in(operations) or missing_in(orders) or _sums(operations, orders),
        graph=read_part(graph),
        environment=read_json(environment),
        made=read_json(made),
        arguments=arguments,
        surrogate=surrogate,
        pictures={
            path.name.split(".")[0]: picture for path in figures if (picture := missing_in(path))
        },
        missing=missing,
        computes_in=computes_in,
    )
    own = translations.get(language, {})
    derivation, discussion = (
        _in_language(written, name, language) for name in ("derivation", "discussion")
    )
    filled = None
    try:
        if discussion in written:
            filled = render(
                discussion.name, measured.named(), discussion.parent, language=language, own=own
            )
    except UserError:
        if not missing:  # otherwise it uses what is missing
            raise

    def authors(path: Path, text: str) -> Text:
        return Text(text, language != languages[0] and not path.stem.endswith(f".{language}"))

    view = report_view(
        measured,
        language,
        languages,
        set(own),
        authors(derivation, derivation.read_text(encoding="utf-8")),
        authors(discussion, filled) if filled else None,
        discussion in written and filled is None,
    )
    write_text(report, render("REPORT.md.j2", vars(view), language=language, own=own))


def _sums(operations: Path, orders: Path) -> list[SumRow]:
    return described_sums(read_json(operations), read_json(orders)["sums"])


def _by_name(rows: list[Summary]) -> Errors:
    return {(row["dtype"], row["comparison"], row["gradient"]): row for row in rows}


def _in_language(written: list[Path], name: str, language: str) -> Path:
    """The author's text in a language, or else the path of the original, which may not exist."""
    folder = written[0].parent
    translated = folder / f"{name}.{language}.md"
    return translated if translated in written else folder / f"{name}.md"


if __name__ == "__main__":
    run_stage(render_report, snakemake)  # type: ignore[name-defined]
