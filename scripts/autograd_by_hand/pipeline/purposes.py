"""Which stages the verdict needs, and which only explain it.

A stage that the verdict needs fails the run if it fails. An explaining stage that fails leaves
outputs that say why they are missing (`storage.missing`); verdict, errors, acceptance and all other
parts of the report are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Explaining:
    """An explaining stage.

    needs: those of its inputs without which it cannot be computed; the others it can do without
    refuses: whether its `UserError` fails the run, since it reads what no other stage reads of the
        author's. The others call the author's functions as the verdict's stages do, but observed,
        or at other points, and a mistake of the author's fails those.
    """

    needs: tuple[str, ...] = ()
    refuses: bool = False


EXPLAINING: Mapping[str, Explaining] = {
    "check_forward": Explaining(),
    "prove_reference": Explaining(),
    "reorder_sums": Explaining(),
    "dump_graph": Explaining(),
    "ask_gradcheck": Explaining(),
    "observe_operations": Explaining(),
    "reveal_orders": Explaining(needs=("operations",)),
    "verify_replay": Explaining(needs=("operations", "orders", "recorded")),
    "attribute_difference": Explaining(needs=("operations", "orders", "recorded")),
    "name_mistakes": Explaining(),
    "try_pitfalls": Explaining(refuses=True),
    "try_sizes": Explaining(),
    "draw_figures": Explaining(),
}

# The inputs, gradients, noise and errors that a verdict rests on, and the files that hold it.
FOR_THE_VERDICT = frozenset(
    {
        "generate_tensors",
        "draw_cotangents",
        "mark_chunks",
        "check_backward",
        "compute_manual",
        "run_autograd",
        "compute_reference",
        "measure_noise",
        "score_errors",
        "measure_chunk",
        "collect_errors",
        "collect_tails",
        "collect_gradients",
        "record_environment",
        "judge_gradients",
        "accept",
        "render_report",
        "render_page",
        "write_manifest",
        "write_index",
        "write_archive",
    }
)
