"""Draw the experiment's pictures as SVG, labelled in one language.

in   errors        csv: the experiment's errors
     graph         json: the graph of forward
     facts, attributions  json per dtype, as their stages write them, in the order of `dtypes`
     operations, orders   json of the dtype that the report shows in full
     manual, reference    safetensors of that dtype: "trial/<gradient>", shape (runs, *shape)
     dtypes        the dtypes, in the report's order
     gradients     the gradients' names
     language      the language of the labels
out  by_dtype      error per dtype, with the dtype's spacing and the rounding noise for comparison
     by_run        error per run
     in_ulps       histogram of the signed errors of each gradient, in the dtype shown in full
     places        map of the errors in the largest matrix among the gradients
     chain         the whole graph that autograd walks
     trees         the summation orders of torch and numpy, in the dtype shown in full
     shares        the causes of the difference, per dtype and gradient

Graph, attributions, operations and orders may be missing (`storage.missing`): a picture that needs
one of them is missing as well. The layout is computed here; the template
templates/figures/<name>.svg.j2 holds the words.
"""

from pathlib import Path
from typing import Any

from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.experiment.graph_listing import layers
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.floats.ulp import difference, signed_ulps
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.replay.sum_table import described_sums
from autograd_by_hand.report.charts import errors_by_dtype, errors_by_run
from autograd_by_hand.report.error_histograms import errors_in_ulps
from autograd_by_hand.report.error_map import largest_matrix, map_of_errors
from autograd_by_hand.report.graph_boxes import graph_layout
from autograd_by_hand.report.share_bars import bars_of_shares
from autograd_by_hand.report.sum_trees import trees_layout
from autograd_by_hand.report.templates import render
from autograd_by_hand.storage.attribution import read_attribution
from autograd_by_hand.storage.errors_table import read_csv
from autograd_by_hand.storage.missing import missing_in, write_missing
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.verdict.gradient_facts import JudgedFacts, trial_facts


def draw_figures(
    errors: Path,
    graph: Path,
    facts: list[Path],
    attributions: list[Path],
    operations: Path,
    orders: Path,
    manual: Path,
    reference: Path,
    dtypes: list[str],
    gradients: list[str],
    language: str,
    by_dtype: Path,
    by_run: Path,
    in_ulps: Path,
    places: Path,
    chain: Path,
    trees: Path,
    shares: Path,
) -> None:
    table = read_csv(errors)
    spacing = {dtype: eps(dtype) for dtype in dtypes}
    noise = {
        dtype: {name: float(fact["noise"]) for name, fact in of_gradients.items()}
        for dtype, of_gradients in zip(dtypes, map(_of_trial, facts), strict=True)
    }
    _draw(by_dtype, errors_by_dtype(table, dtypes, gradients, spacing, noise), language)
    _draw(by_run, errors_by_run(table, dtypes, gradients, spacing), language)
    shown = orders.parent.name
    by_hand, truth = read_arrays(manual), read_arrays(reference)
    keys = {name: f"trial/{name}" for name in gradients}
    sides = {key: (by_hand[key], truth[key]) for key in keys.values()}
    tails = {key: truth.get(f"{key}.tail") for key in sides}
    signed = {name: signed_ulps(*sides[key], shown, tails[key]) for name, key in keys.items()}
    _draw(in_ulps, errors_in_ulps(signed, shown), language)
    signed.clear()
    largest = largest_matrix({name: truth[key].shape[1:] for name, key in keys.items()})
    apart = difference(*sides[keys[largest]], tails[keys[largest]])
    _draw(places, map_of_errors(largest, apart, truth[keys[largest]], shown), language)
    if missing := missing_in(graph):
        write_missing(chain, missing)
    else:
        nodes = read_json(graph)["nodes"]
        _draw(chain, graph_layout(nodes, layers(nodes)), language)
    if missing := missing_in(operations) or missing_in(orders):
        write_missing(trees, missing)
    else:
        sums = described_sums(read_json(operations), read_json(orders)["sums"])
        _draw(trees, trees_layout(sums, shown), language)
    attributed = dict(zip(dtypes, map(read_attribution, attributions), strict=True))
    _draw(shares, bars_of_shares(attributed, gradients), language)


def _of_trial(facts: Path) -> dict[str, JudgedFacts]:
    return trial_facts(read_json(facts))["gradients"]


def _draw(path: Path, picture: Any, language: str) -> None:
    """Render the template that is named as the picture is."""
    template = f"figures/{path.name.split('.')[0]}.svg.j2"
    write_text(path, render(template, {"picture": picture}, language=language))


if __name__ == "__main__":
    run_stage(draw_figures, snakemake)  # type: ignore[name-defined]
