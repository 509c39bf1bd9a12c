"""Draw the experiment's charts and its graph, as SVG.

in   errors     csv: the experiment's errors
     graph      json: the graph of forward
     operations, orders  json, as their stages write them, of the format that is shown
     dtypes     the formats, in the report's order
     gradients  the gradients' names
out  by_dtype   svg: error per format, against the format's own spacing
     by_run     svg: error per run
     chain      svg: the whole graph that autograd walks
     trees      svg: how each sum of the shown format adds, torch's way and numpy's
"""

from pathlib import Path

from scripts.lib.charts import errors_by_dtype, errors_by_run, graph_layout
from scripts.lib.files import read_json, write_text
from scripts.lib.formats import eps
from scripts.lib.graph_order import layers
from scripts.lib.stage import run_stage
from scripts.lib.sums_told import sums_told
from scripts.lib.tables import read_csv
from scripts.lib.templates import render
from scripts.lib.tree_picture import trees_layout


def draw_figures(
    errors: Path,
    graph: Path,
    operations: Path,
    orders: Path,
    dtypes: list[str],
    gradients: list[str],
    by_dtype: Path,
    by_run: Path,
    chain: Path,
    trees: Path,
) -> None:
    table, nodes = read_csv(errors), read_json(graph)["nodes"]
    spacing = {dtype: eps(dtype) for dtype in dtypes}
    for path, layout in ((by_dtype, errors_by_dtype), (by_run, errors_by_run)):
        chart = layout(table, dtypes, gradients, spacing)
        write_text(path, render("chart.svg.j2", {"chart": chart}))
    told = sums_told(read_json(operations), read_json(orders)["sums"])
    picture = trees_layout(told, orders.parent.name)
    write_text(trees, render("trees.svg.j2", {"picture": picture}))
    write_text(chain, render("graph.svg.j2", {"graph": graph_layout(nodes, layers(nodes))}))


if __name__ == "__main__":
    run_stage(draw_figures, snakemake)  # type: ignore[name-defined]
