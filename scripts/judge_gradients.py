"""Pass the verdict on each gradient, and evaluate the experiment's acceptance criteria.

in   errors        csv: the experiment's errors
     facts, calls  json per dtype, as score_errors and compute_manual write them
     formula       json: the facts of float64, even if it is not among the experiment's dtypes
     mistakes      json, as name_mistakes writes it
     oracle        json, as check_forward writes it
     attributions  json per dtype, as attribute_difference writes them
     tried         json, as try_pitfalls writes it; no file if the config has no pitfalls
     graph         json: the graph of forward
     handed_over   json per dtype, as reorder_sums writes it
     acceptance    the config's criteria
     autograd      "allowed" if the config allows backward to use autograd, else None
     digits        how many digits of its constants the config asks for, else None
     dtypes        the dtypes, in the order of `facts`, `calls`, `attributions` and `handed_over`
out  judgement     json: `verdicts`, `acceptance`, and `refused`, a sentence for each gradient that
                   backward did not give, or gave although the config does not ask for it; and
                   `autograd`, how backward uses autograd, if it does, and whether it may

Mistakes, oracle, attributions, tried, graph and what was handed over may be missing
(`storage.missing`): the verdicts are passed without them. This stage judges what others have
measured; render_report words the result.
"""

from pathlib import Path

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.experiment.settings import Criterion
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.attribution import read_attribution
from autograd_by_hand.storage.errors_table import read_csv
from autograd_by_hand.storage.missing import Missing, missing_in, read_part
from autograd_by_hand.storage.second_opinions import doubt
from autograd_by_hand.verdict.acceptance import AutogradFinding, Judgement, evaluate
from autograd_by_hand.verdict.calls import autograd_use
from autograd_by_hand.verdict.verdicts import verdicts_on


def judge_gradients(
    errors: Path,
    facts: list[Path],
    calls: list[Path],
    formula: Path,
    mistakes: Path,
    oracle: Path,
    attributions: list[Path],
    tried: list[Path],
    sizes: list[Path],
    graph: Path,
    handed_over: list[Path],
    acceptance: list[Criterion],
    autograd: str | None,
    digits: int | None,
    dtypes: list[str],
    judgement: Path,
) -> None:
    facts_of, called = (
        dict(zip(dtypes, map(read_json, paths), strict=True)) for paths in (facts, calls)
    )
    attributed = dict(zip(dtypes, map(read_attribution, attributions), strict=True))
    in_float64 = read_json(formula)["samples"]["trial"]["gradients"]
    named = read_part(mistakes)
    verdicts = verdicts_on(
        {dtype: one["samples"]["trial"]["gradients"] for dtype, one in facts_of.items()},
        in_float64,
        called,
        {} if isinstance(named, Missing) else named,
        doubt(read_part(oracle)),
    )
    pitfalls = read_part(tried[0]) if tried else []
    at_sizes = read_part(sizes[0]) if sizes else []
    table, recorded = read_csv(errors), read_part(graph)
    nodes = recorded if isinstance(recorded, Missing) else recorded["nodes"]
    reordered = {
        dtype: missing
        for dtype, path in zip(dtypes, handed_over, strict=True)
        if (missing := missing_in(path))
    }
    refused = [sentence for told in called.values() for sentence in told["refused"].values()]
    use = autograd_use(called.values())
    finding: AutogradFinding | None = None
    if use:
        finding = {**use, "allowed": autograd == "allowed"}
    judged: Judgement = {
        "verdicts": verdicts,
        "acceptance": [
            evaluate(
                one,
                table,
                nodes,
                verdicts,
                attributed,
                pitfalls,
                finding,
                reordered,
                at_sizes,
                digits,
            )
            for one in acceptance
        ],
        "refused": list(dict.fromkeys(refused)),
    }
    if finding:
        judged["autograd"] = finding
    write_json(judgement, judged)


if __name__ == "__main__":
    run_stage(judge_gradients, snakemake)  # type: ignore[name-defined]
