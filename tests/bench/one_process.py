"""Do the work of a whole run in one Python process: what Snakemake's way is measured against.

Usage: python -m tests.bench.one_process 25-autograd-by-hand   (from the project's root)
"""

import sys
from pathlib import Path
from typing import Any

from accept import accept
from ask_gradcheck import ask_gradcheck
from attribute_difference import attribute_difference
from autograd_by_hand.experiment.config import load_config
from autograd_by_hand.experiment.settings import gradient_names, judged, shown_format
from autograd_by_hand.pipeline.code_fingerprint import modules_of
from check_backward import check_backward
from check_forward import check_forward
from collect_errors import collect_errors
from collect_tails import collect_tails
from compute_manual import compute_manual
from compute_reference import compute_reference
from draw_cotangents import draw_cotangents
from draw_figures import draw_figures
from dump_graph import dump_graph
from generate_tensors import generate_tensors
from judge_gradients import judge_gradients
from measure_noise import measure_noise
from name_mistakes import name_mistakes
from observe_operations import observe_operations
from record_environment import record_environment
from render_page import render_page
from render_report import render_report
from reorder_sums import reorder_sums
from reveal_orders import reveal_orders
from run_autograd import run_autograd
from score_errors import score_errors
from try_pitfalls import try_pitfalls
from verify_replay import verify_replay
from write_manifest import write_manifest

KINDS = ("manual", "autograd", "reference", "reordered", "noise")
PACKAGES = ["jinja2", "ml_dtypes", "numpy", "pandas", "safetensors", "torch"]


def run_experiment(experiment: str) -> None:  # noqa: PLR0915 - one after another
    """Call every stage's function in order, with the files that the Snakefile gives it."""
    folder = Path("experiments", experiment)
    work = folder / "work"
    config: Any = load_config(folder / "config.yaml", Path("experiments/schema.yaml"))
    names = gradient_names(config["tensors"])
    dtypes, needed = config["dtypes"], list(names)
    draws, states, cotangents = (
        work / f"{name}.safetensors" for name in ("draws", "states", "cotangents")
    )
    forward, backward = folder / "forward.py", folder / "backward.py"
    graph, judgement, environment, oracle, opinion, mistakes = (
        work / f"{name}.json"
        for name in ("graph", "judgement", "environment", "oracle", "gradcheck", "mistakes")
    )
    errors, report, page = (folder / name for name in ("errors.csv", "REPORT.md", "REPORT.html"))
    figures = [
        folder / "figures" / f"{n}.svg"
        for n in (
            "error_by_dtype",
            "error_by_run",
            "error_in_ulps",
            "error_places",
            "graph",
            "orders",
            "shares",
        )
    ]
    written = [path for path in folder.iterdir() if path.suffix in (".py", ".yaml", ".md")]
    written = [path for path in written if path.name != "REPORT.md"]
    common = {"needed": needed, "time_limit": config["time_limit"]}
    inputs = {"draws": draws, "cotangents": cotangents, **common}

    def of(dtype: str, name: str) -> Path:
        return work / dtype / name

    def each(name: str) -> list[Path]:
        return [of(dtype, name) for dtype in dtypes]

    generate_tensors(config["tensors"], config["samples"], draws, states)
    draw_cotangents(forward, draws, states, config["time_limit"], cotangents)
    check_forward(forward, oracle=oracle, **inputs)
    check_backward(backward, checked=work / "checked.txt", **inputs)
    for dtype in judged(dtypes):
        _measure(dtype, forward, backward, inputs)
    tails = work / "tails.json"
    collect_errors(each("errors.csv"), [], [], [*names], errors)
    collect_tails(each("tails.json"), [], tails)
    formula = of("float64", "facts.json")
    name_mistakes(
        forward, backward, facts=formula, calls=of("float64", "calls.json"), mistakes=mistakes,
        manual=of("float64", "manual.safetensors"),
        reference=of("float64", "reference.safetensors"), **inputs,
    )  # fmt: skip
    ask_gradcheck(forward, backward, opinion=opinion, **inputs)
    tried = [work / "pitfalls.json"] if config.get("pitfalls") else []
    for path in tried:
        autograd, reference, noise, arithmetic = (
            [of(dtype, name) for dtype in judged(dtypes)]
            for name in (
                "autograd.safetensors", "reference.safetensors", "noise.safetensors",
                "arithmetic.json",
            )
        )  # fmt: skip
        try_pitfalls(
            forward, backward, autograd=autograd, reference=reference, noise=noise,
            arithmetic=arithmetic, oracle=oracle, pitfalls=config["pitfalls"],
            dtypes=judged(dtypes), tried=path, **inputs,
        )  # fmt: skip
    dump_graph(forward, draws, graph=graph, **common)
    record_environment(PACKAGES, environment)
    for dtype in dtypes:
        _account_for_bits(dtype, forward, backward, environment, inputs)
    facts, calls, attributions = (
        each(f"{name}.json") for name in ("facts", "calls", "attribution")
    )
    criteria = config["acceptance"]
    told = (formula, mistakes, oracle, attributions, tried, graph)
    judge_gradients(errors, facts, calls, *told, criteria, dtypes, judgement)
    shown = shown_format(dtypes)
    operations, orders, by_hand, truth = (
        of(shown, name)
        for name in (
            "operations.json",
            "orders.json",
            "manual.safetensors",
            "reference.safetensors",
        )
    )
    draw_figures(
        errors, graph, facts, attributions, operations, orders, by_hand, truth, dtypes,
        list(names.values()), "en", *figures,
    )  # fmt: skip
    render_report(
        experiment,
        errors,
        judgement,
        facts,
        calls,
        each("arithmetic.json"),
        each("handed_over.json"),
        each("replay.json"),
        attributions,
        operations,
        orders,
        tails,
        oracle,
        opinion,
        tried,
        graph,
        environment,
        written,
        config["title"],
        config["question"],
        config["tensors"],
        config["samples"],
        dtypes,
        "en",
        ["en"],
        {},
        report,
    )
    render_page(report, judgement, figures, written, "en", page)
    table = ("errors.csv", "facts.json", "calls.json", "overflows.json", "handed_over.json")
    cached = [draws, states, cotangents, mistakes, judgement, oracle, opinion, graph, environment]
    cached += [tails]
    cached += [of(dtype, name) for name in (*table, "arithmetic.json") for dtype in judged(dtypes)]
    cached += [*tried, *each("operations.json"), *attributions, *each("orders.json")]
    cached += each("recorded.safetensors") + each("replay.json")
    computed = [of(dtype, f"{kind}.safetensors") for kind in KINDS for dtype in judged(dtypes)]
    scripts = map(str, Path("scripts").glob("[a-z]*.py"))
    modules = sorted({module for script in scripts for module in modules_of(script)})
    write_manifest(
        experiment,
        judgement,
        oracle,
        opinion,
        graph,
        environment,
        [of(dtype, "arithmetic.json") for dtype in judged(dtypes)],
        each("replay.json"),
        attributions,
        each("orders.json"),
        written,
        cached,
        computed,
        [report, page, errors, *figures],
        Path("Snakefile"),
        config,
        modules,
        folder / "manifest.json",
    )
    accept(judgement, report, work / "accepted.txt")


def _measure(dtype: str, forward: Path, backward: Path, inputs: dict[str, Any]) -> None:
    """Compute the gradients in one format in every way, and how far they are apart."""
    own = inputs["draws"].parent / dtype
    files = {kind: own / f"{kind}.safetensors" for kind in KINDS}
    calls, arithmetic, overflows, handed_over, facts, tails = (
        own / f"{name}.json"
        for name in ("calls", "arithmetic", "overflows", "handed_over", "facts", "tails")
    )
    compute_manual(dtype, backward, gradients=files["manual"], calls=calls, **inputs)
    run_autograd(dtype, forward, gradients=files["autograd"], **inputs)
    reference = files["reference"]
    compute_reference(dtype, forward, gradients=reference, arithmetic=arithmetic, **inputs)
    measure_noise(dtype, forward, noise=files["noise"], overflows=overflows, **inputs)
    reorder_sums(dtype, backward, gradients=files["reordered"], handed_over=handed_over, **inputs)
    score_errors(
        dtype, **files, arithmetic=arithmetic, needed=inputs["needed"],
        errors=own / "errors.csv", facts=facts, tails=tails,
    )  # fmt: skip


def _account_for_bits(
    dtype: str, forward: Path, backward: Path, environment: Path, inputs: dict[str, Any]
) -> None:
    """Observe, reveal, replay and attribute in one format."""
    own = inputs["draws"].parent / dtype
    operations, orders, replay, attribution = (
        own / f"{name}.json" for name in ("operations", "orders", "replay", "attribution")
    )
    manual, autograd, recorded = (
        own / f"{name}.safetensors" for name in ("manual", "autograd", "recorded")
    )
    observe_operations(dtype, forward, backward, operations=operations, recorded=recorded, **inputs)
    orders.unlink(missing_ok=True)
    reveal_orders(dtype, operations, environment, orders)
    verify_replay(
        dtype, operations, orders, inputs["draws"], inputs["cotangents"], recorded, autograd, replay
    )
    attribute_difference(
        dtype, backward, operations, orders, recorded=recorded, manual=manual, autograd=autograd,
        attribution=attribution, **inputs,
    )  # fmt: skip


if __name__ == "__main__":
    run_experiment(sys.argv[1])
