"""Write the graph that autograd records while it executes the author's forward.py.

in   forward     the author's forward.py
     draws       safetensors: "<sample>/<tensor>"; the first run of the trial is used, in float32
     needed      the tensors that require a gradient
     time_limit  seconds for one call of forward
out  graph       json: `nodes` (id, type, edges in order, leaf), `first_edge_walk` (the ids of the
                 nodes that following each node's first edge visits, as the lab's loop does),
                 `halvings` (the type of node that torch records for 0.5 * s and for s / 2), and
                 `outputs` (name, shape, dtype, node) if forward returns several tensors
"""

from pathlib import Path

import torch

from autograd_by_hand.core.files import write_json
from autograd_by_hand.experiment.autograd_graph import described, halvings, walk_graph
from autograd_by_hand.experiment.complex_views import load_forward_of_real
from autograd_by_hand.experiment.graph_listing import RecordedGraph, first_edge_walk
from autograd_by_hand.experiment.output_names import RESULT
from autograd_by_hand.experiment.returned_values import differentiable, outputs_of
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import call
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import read_given, read_tensors, runs_of


def dump_graph(
    forward: Path, draws: Path, needed: list[str], time_limit: float, graph: Path
) -> None:
    runs = runs_of(read_tensors(draws))
    tensors = next(tensors for sample, run, tensors in runs if (sample, run) == ("trial", 0))
    function = load_forward_of_real(forward, read_given(draws), time_limit)
    given = {name: cast(value, torch.float32) for name, value in tensors.items()}
    leaves = {name: given[name].requires_grad_() for name in needed}
    outputs = outputs_of(call(function, forward, given, time_limit), function, forward)
    pulled = differentiable(outputs, function, forward)
    nodes = walk_graph([*pulled.values()], leaves)
    recorded: RecordedGraph = {
        "nodes": nodes,
        "first_edge_walk": first_edge_walk(nodes),
        "halvings": halvings(),
    }
    if outputs.keys() != {RESULT}:
        recorded["outputs"] = described(outputs)
    write_json(graph, recorded)


if __name__ == "__main__":
    run_stage(dump_graph, snakemake)  # type: ignore[name-defined]
