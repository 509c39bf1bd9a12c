"""Put hand-derived gradients on trial against PyTorch's autograd: `snakemake -c1`."""

import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

from envs.warm_python import start_warm_python
from scripts.lib.config import load_configs
from scripts.lib.machine import processor, settings
from scripts.lib.refusal import Refusal
from scripts.lib.settings import gradient_names, judged, shown_format
from scripts.lib.source import code_hash, modules_of

# Snakemake imports pandas (0.2 s) to see whether a param is a data frame, unless there is none here.
sys.modules["pandas"] = None

SCHEMA = Path("experiments/schema.yaml")
EXPERIMENTS = sorted(
    path.parent.name for path in Path("experiments").glob("*/config.yaml")
)
PAGE_TEMPLATES = [
    "templates/page.html.j2",
    "templates/page.css.j2",
    "templates/figures/picture.css.j2",
]
PICTURES = sorted(path.name for path in Path("templates/figures").glob("*.j2"))
PACKAGES = ("torch", "numpy", "ml_dtypes", "pandas", "jinja2", "safetensors")
VERSIONS = {name: version(name) for name in PACKAGES}
# What a stage's numbers depend on besides its inputs and its code.
TABLES = {name: VERSIONS[name] for name in ("numpy", "ml_dtypes", "pandas", "jinja2")}
PAGES = TABLES | {
    name: version(name)
    for name in ("markdown-it-py", "mdit-py-plugins", "latex2mathml")
}
TORCH = VERSIONS | {"processor": processor()} | settings()


# Checked here and not where it is first used: there, Snakemake would take a mistake for a file that
# no rule makes, and be content with an old one.
try:
    CONFIGS = load_configs([Path("experiments", name) for name in EXPERIMENTS], SCHEMA)
except Refusal as refusal:
    raise WorkflowError(str(refusal)) from None


def setting(key, default=None):
    """One value of the experiment's config, for a rule's params."""
    return lambda wildcards: CONFIGS[wildcards.experiment].get(key, default)


def needed(wildcards):
    """The tensors whose gradients are tried."""
    return list(gradient_names(CONFIGS[wildcards.experiment]["tensors"]))


def written_by_author(wildcards):
    """The author's files of an experiment; discussion.md is there if they wrote one."""
    names = (
        "config.yaml",
        "forward.py",
        "backward.py",
        "derivation.md",
        "discussion.md",
    )
    folder = Path("experiments", wildcards.experiment)
    return [str(folder / name) for name in names if (folder / name).is_file()]


def per_dtype(file):
    """A file of work/{dtype}/, for every format of the experiment, in its order."""
    return lambda wildcards: [
        f"experiments/{wildcards.experiment}/work/{dtype}/{file}"
        for dtype in CONFIGS[wildcards.experiment]["dtypes"]
    ]


def per_judged(file):
    """A file of work/{dtype}/, for float64, which judges the formula, and every other format."""
    return lambda wildcards: [
        f"experiments/{wildcards.experiment}/work/{dtype}/{file}"
        for dtype in judged(CONFIGS[wildcards.experiment]["dtypes"])
    ]


def tried(wildcards):
    """What was said of the config's pitfalls, if it has some."""
    has = CONFIGS[wildcards.experiment].get("pitfalls")
    return [f"experiments/{wildcards.experiment}/work/pitfalls.json"] if has else []


def shown(file):
    """A file of work/{dtype}/ for the format that the report shows in full."""

    def path(wildcards):
        dtype = shown_format(CONFIGS[wildcards.experiment]["dtypes"])
        return f"experiments/{wildcards.experiment}/work/{dtype}/{file}"

    return path


# Stages import scripts.lib from here.
os.environ.update(
    PYTHONPATH=os.pathsep.join([os.getcwd(), *filter(None, [os.getenv("PYTHONPATH")])])
)


onstart:
    sys.executable = start_warm_python()


wildcard_constraints:
    experiment="|".join(map(re.escape, EXPERIMENTS)) or "(?!)",
    dtype="float64|float32|bfloat16|float16",


rule all:
    """Run every experiment; succeed when each meets its own acceptance criteria."""
    input:
        expand("experiments/{experiment}/work/accepted.txt", experiment=EXPERIMENTS),
        "experiments/index.html",


rule generate_tensors:
    """Draw the inputs of every run, in float32, from the seeds of the config."""
    output:
        draws="experiments/{experiment}/work/draws.safetensors",
        states="experiments/{experiment}/work/states.safetensors",
    log:
        "experiments/{experiment}/work/logs/generate_tensors.log",
    conda:
        "envs/torch.yaml"
    params:
        specs=setting("tensors"),
        samples=setting("samples"),
        code=code_hash("scripts/generate_tensors.py"),
        versions=TORCH,
    script:
        "scripts/generate_tensors.py"


rule draw_cotangents:
    """Give every run the cotangent that its gradient is pulled back from."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        states="experiments/{experiment}/work/states.safetensors",
    output:
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
    log:
        "experiments/{experiment}/work/logs/draw_cotangents.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        code=code_hash("scripts/draw_cotangents.py"),
        versions=TORCH,
    script:
        "scripts/draw_cotangents.py"


rule check_forward:
    """Check autograd itself, by finite differences of forward along one direction."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
    output:
        oracle="experiments/{experiment}/work/oracle.json",
    log:
        "experiments/{experiment}/work/logs/check_forward.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/check_forward.py"),
        versions=TORCH,
    script:
        "scripts/check_forward.py"


rule check_backward:
    """Call the author's backward.py once, so that a mistake in it is told once."""
    input:
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
    output:
        checked="experiments/{experiment}/work/checked.txt",
    log:
        "experiments/{experiment}/work/logs/check_backward.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/check_backward.py"),
        versions=TORCH,
    script:
        "scripts/check_backward.py"


rule compute_manual:
    """Call the author's backward.py on every run, in one format."""
    input:
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
    output:
        gradients="experiments/{experiment}/work/{dtype}/manual.safetensors",
        calls="experiments/{experiment}/work/{dtype}/calls.json",
    log:
        "experiments/{experiment}/work/logs/compute_manual.{dtype}.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/compute_manual.py"),
        versions=TORCH,
    script:
        "scripts/compute_manual.py"


rule run_autograd:
    """Differentiate the author's forward.py by PyTorch's autograd on every run, in one format."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
    output:
        gradients="experiments/{experiment}/work/{dtype}/autograd.safetensors",
    log:
        "experiments/{experiment}/work/logs/run_autograd.{dtype}.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/run_autograd.py"),
        versions=TORCH,
    script:
        "scripts/run_autograd.py"


rule compute_reference:
    """Differentiate forward.py in wider arithmetic, from the inputs as one format rounds them."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
    output:
        gradients="experiments/{experiment}/work/{dtype}/reference.safetensors",
        arithmetic="experiments/{experiment}/work/{dtype}/arithmetic.json",
    log:
        "experiments/{experiment}/work/logs/compute_reference.{dtype}.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/compute_reference.py"),
        versions=TORCH,
    script:
        "scripts/compute_reference.py"


rule measure_noise:
    """Measure the rounding noise that each gradient must have, in one format."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
    output:
        noise="experiments/{experiment}/work/{dtype}/noise.safetensors",
        overflows="experiments/{experiment}/work/{dtype}/overflows.json",
    log:
        "experiments/{experiment}/work/logs/measure_noise.{dtype}.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/measure_noise.py"),
        versions=TORCH,
    script:
        "scripts/measure_noise.py"


rule reorder_sums:
    """Call the author's backward.py with its sums done by numpy, on every run, in one format."""
    input:
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
    output:
        gradients="experiments/{experiment}/work/{dtype}/reordered.safetensors",
        handed_over="experiments/{experiment}/work/{dtype}/handed_over.json",
    log:
        "experiments/{experiment}/work/logs/reorder_sums.{dtype}.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/reorder_sums.py"),
        versions=TORCH,
    script:
        "scripts/reorder_sums.py"


rule score_errors:
    """Measure how far the gradients of one format lie from each other and from the reference."""
    input:
        manual="experiments/{experiment}/work/{dtype}/manual.safetensors",
        autograd="experiments/{experiment}/work/{dtype}/autograd.safetensors",
        reference="experiments/{experiment}/work/{dtype}/reference.safetensors",
        reordered="experiments/{experiment}/work/{dtype}/reordered.safetensors",
        noise="experiments/{experiment}/work/{dtype}/noise.safetensors",
        arithmetic="experiments/{experiment}/work/{dtype}/arithmetic.json",
    output:
        errors="experiments/{experiment}/work/{dtype}/errors.csv",
        facts="experiments/{experiment}/work/{dtype}/facts.json",
    log:
        "experiments/{experiment}/work/logs/score_errors.{dtype}.log",
    conda:
        "envs/report.yaml"
    params:
        needed=needed,
        code=code_hash("scripts/score_errors.py"),
        versions=TABLES,
    script:
        "scripts/score_errors.py"


rule collect_errors:
    """Put the errors of all formats into the experiment's one table."""
    input:
        parts=per_dtype("errors.csv"),
    output:
        errors=report(
            update("experiments/{experiment}/errors.csv"),
            caption="templates/captions/errors.rst",
            category="{experiment}",
            subcategory="Tables",
            labels={"shows": "Every error of every run"},
        ),
    log:
        "experiments/{experiment}/work/logs/collect_errors.log",
    conda:
        "envs/report.yaml"
    params:
        code=code_hash("scripts/collect_errors.py"),
        versions=TABLES,
    script:
        "scripts/collect_errors.py"


rule dump_graph:
    """Write down the graph that autograd records of the author's forward.py."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
    output:
        graph="experiments/{experiment}/work/graph.json",
    log:
        "experiments/{experiment}/work/logs/dump_graph.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/dump_graph.py"),
        versions=TORCH,
    script:
        "scripts/dump_graph.py"


rule record_environment:
    """Write down what the numbers depend on besides the inputs."""
    output:
        environment="experiments/{experiment}/work/environment.json",
    log:
        "experiments/{experiment}/work/logs/record_environment.log",
    conda:
        "envs/torch.yaml"
    params:
        packages=PACKAGES,
        code=code_hash("scripts/record_environment.py"),
        versions=TORCH,
    script:
        "scripts/record_environment.py"


rule observe_operations:
    """Write down the operations that autograd and the hand's backward make, in one format."""
    input:
        forward="experiments/{experiment}/forward.py",
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
    output:
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        recorded="experiments/{experiment}/work/{dtype}/recorded.safetensors",
    log:
        "experiments/{experiment}/work/logs/observe_operations.{dtype}.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/observe_operations.py"),
        versions=TORCH,
    script:
        "scripts/observe_operations.py"


rule reveal_orders:
    """Reveal in which order every observed sum adds, torch's and numpy's, in one format."""
    input:
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        environment="experiments/{experiment}/work/environment.json",
    output:
        orders=update("experiments/{experiment}/work/{dtype}/orders.json"),
    log:
        "experiments/{experiment}/work/logs/reveal_orders.{dtype}.log",
    conda:
        "envs/torch.yaml"
    params:
        code=code_hash("scripts/reveal_orders.py"),
        versions=TORCH,
    script:
        "scripts/reveal_orders.py"


rule verify_replay:
    """Compute autograd's gradients again in numpy, from the input bits and the orders."""
    input:
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        orders="experiments/{experiment}/work/{dtype}/orders.json",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recorded="experiments/{experiment}/work/{dtype}/recorded.safetensors",
        autograd="experiments/{experiment}/work/{dtype}/autograd.safetensors",
    output:
        replay="experiments/{experiment}/work/{dtype}/replay.json",
    log:
        "experiments/{experiment}/work/logs/verify_replay.{dtype}.log",
    conda:
        "envs/numpy.yaml"
    params:
        code=code_hash("scripts/verify_replay.py"),
        versions={"numpy": VERSIONS["numpy"]},
    script:
        "scripts/verify_replay.py"


rule attribute_difference:
    """Trace the difference between the hand on numpy's sums and autograd to its causes."""
    input:
        backward="experiments/{experiment}/backward.py",
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        orders="experiments/{experiment}/work/{dtype}/orders.json",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recorded="experiments/{experiment}/work/{dtype}/recorded.safetensors",
        manual="experiments/{experiment}/work/{dtype}/manual.safetensors",
        autograd="experiments/{experiment}/work/{dtype}/autograd.safetensors",
    output:
        attribution="experiments/{experiment}/work/{dtype}/attribution.json",
    log:
        "experiments/{experiment}/work/logs/attribute_difference.{dtype}.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/attribute_difference.py"),
        versions=TORCH,
    script:
        "scripts/attribute_difference.py"


rule ask_gradcheck:
    """Ask torch.autograd.gradcheck for a second opinion."""
    input:
        forward="experiments/{experiment}/forward.py",
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
    output:
        opinion="experiments/{experiment}/work/gradcheck.json",
    log:
        "experiments/{experiment}/work/logs/ask_gradcheck.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/ask_gradcheck.py"),
        versions=TORCH,
    script:
        "scripts/ask_gradcheck.py"


rule name_mistakes:
    """Name the likeliest mistake behind each gradient that is wrong in float64."""
    input:
        forward="experiments/{experiment}/forward.py",
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        manual="experiments/{experiment}/work/float64/manual.safetensors",
        reference="experiments/{experiment}/work/float64/reference.safetensors",
        facts="experiments/{experiment}/work/float64/facts.json",
        calls="experiments/{experiment}/work/float64/calls.json",
    output:
        mistakes="experiments/{experiment}/work/mistakes.json",
    log:
        "experiments/{experiment}/work/logs/name_mistakes.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        needed=needed,
        code=code_hash("scripts/name_mistakes.py"),
        versions=TORCH,
    script:
        "scripts/name_mistakes.py"


rule try_pitfalls:
    """Put the config's pitfalls on trial: the author's backward with a mistake made in it."""
    input:
        forward="experiments/{experiment}/forward.py",
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        autograd=per_judged("autograd.safetensors"),
        reference=per_judged("reference.safetensors"),
        noise=per_judged("noise.safetensors"),
        arithmetic=per_judged("arithmetic.json"),
        oracle="experiments/{experiment}/work/oracle.json",
    output:
        tried="experiments/{experiment}/work/pitfalls.json",
    log:
        "experiments/{experiment}/work/logs/try_pitfalls.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        pitfalls=setting("pitfalls"),
        dtypes=lambda wildcards: judged(CONFIGS[wildcards.experiment]["dtypes"]),
        needed=needed,
        code=code_hash("scripts/try_pitfalls.py"),
        versions=TORCH,
    script:
        "scripts/try_pitfalls.py"


rule judge_gradients:
    """Pass the verdict on each gradient, and evaluate the acceptance criteria."""
    input:
        errors="experiments/{experiment}/errors.csv",
        facts=per_dtype("facts.json"),
        calls=per_dtype("calls.json"),
        formula="experiments/{experiment}/work/float64/facts.json",
        mistakes="experiments/{experiment}/work/mistakes.json",
        oracle="experiments/{experiment}/work/oracle.json",
        attributions=per_dtype("attribution.json"),
        tried=tried,
        graph="experiments/{experiment}/work/graph.json",
    output:
        judgement="experiments/{experiment}/work/judgement.json",
    log:
        "experiments/{experiment}/work/logs/judge_gradients.log",
    conda:
        "envs/report.yaml"
    params:
        acceptance=setting("acceptance"),
        dtypes=setting("dtypes"),
        code=code_hash("scripts/judge_gradients.py"),
        versions=TABLES,
    script:
        "scripts/judge_gradients.py"


rule draw_figures:
    """Draw the experiment's pictures."""
    input:
        errors="experiments/{experiment}/errors.csv",
        graph="experiments/{experiment}/work/graph.json",
        facts=per_dtype("facts.json"),
        attributions=per_dtype("attribution.json"),
        operations=shown("operations.json"),
        orders=shown("orders.json"),
        manual=shown("manual.safetensors"),
        reference=shown("reference.safetensors"),
        templates=collect("templates/figures/{file}", file=PICTURES),
    output:
        by_dtype=report(
            update("experiments/{experiment}/figures/error_by_dtype.svg"),
            caption="templates/captions/error_by_dtype.rst",
            category="{experiment}",
            subcategory="Pictures",
            labels={"shows": "Error by format"},
        ),
        by_run=report(
            update("experiments/{experiment}/figures/error_by_run.svg"),
            caption="templates/captions/error_by_run.rst",
            category="{experiment}",
            subcategory="Pictures",
            labels={"shows": "Error by run"},
        ),
        in_ulps=report(
            update("experiments/{experiment}/figures/error_in_ulps.svg"),
            caption="templates/captions/error_in_ulps.rst",
            category="{experiment}",
            subcategory="Pictures",
            labels={"shows": "Signed errors in ulps"},
        ),
        places=report(
            update("experiments/{experiment}/figures/error_places.svg"),
            caption="templates/captions/error_places.rst",
            category="{experiment}",
            subcategory="Pictures",
            labels={"shows": "Where the errors sit"},
        ),
        chain=report(
            update("experiments/{experiment}/figures/graph.svg"),
            caption="templates/captions/graph.rst",
            category="{experiment}",
            subcategory="Pictures",
            labels={"shows": "The graph"},
        ),
        trees=report(
            update("experiments/{experiment}/figures/orders.svg"),
            caption="templates/captions/orders.rst",
            category="{experiment}",
            subcategory="Pictures",
            labels={"shows": "How each sum is added"},
        ),
        shares=report(
            update("experiments/{experiment}/figures/shares.svg"),
            caption="templates/captions/shares.rst",
            category="{experiment}",
            subcategory="Pictures",
            labels={"shows": "What moves the bits"},
        ),
    log:
        "experiments/{experiment}/work/logs/draw_figures.log",
    conda:
        "envs/report.yaml"
    params:
        dtypes=setting("dtypes"),
        gradients=lambda wildcards: [f"d{name}" for name in needed(wildcards)],
        code=code_hash("scripts/draw_figures.py"),
        versions=TABLES,
    script:
        "scripts/draw_figures.py"


rule render_report:
    """Tell what was measured and judged, in REPORT.md."""
    input:
        errors="experiments/{experiment}/errors.csv",
        judgement="experiments/{experiment}/work/judgement.json",
        facts=per_dtype("facts.json"),
        calls=per_dtype("calls.json"),
        arithmetic=per_dtype("arithmetic.json"),
        handed_over=per_dtype("handed_over.json"),
        replays=per_dtype("replay.json"),
        attributions=per_dtype("attribution.json"),
        operations=shown("operations.json"),
        orders=shown("orders.json"),
        oracle="experiments/{experiment}/work/oracle.json",
        opinion="experiments/{experiment}/work/gradcheck.json",
        tried=tried,
        graph="experiments/{experiment}/work/graph.json",
        environment="experiments/{experiment}/work/environment.json",
        written=written_by_author,
        figures=rules.draw_figures.output,
        template="templates/REPORT.md.j2",
    output:
        report=update("experiments/{experiment}/REPORT.md"),
    log:
        "experiments/{experiment}/work/logs/render_report.log",
    conda:
        "envs/report.yaml"
    params:
        title=setting("title"),
        question=setting("question"),
        specs=setting("tensors"),
        samples=setting("samples"),
        dtypes=setting("dtypes"),
        code=code_hash("scripts/render_report.py"),
        versions=TABLES,
    script:
        "scripts/render_report.py"


rule render_page:
    """Make of the report one HTML file that needs no other."""
    input:
        report="experiments/{experiment}/REPORT.md",
        judgement="experiments/{experiment}/work/judgement.json",
        figures=rules.draw_figures.output,
        written=written_by_author,
        templates=PAGE_TEMPLATES,
    output:
        page=report(
            update("experiments/{experiment}/REPORT.html"),
            caption="templates/captions/REPORT.rst",
            category="{experiment}",
            subcategory="Report",
            labels={"shows": "The whole report"},
        ),
    log:
        "experiments/{experiment}/work/logs/render_page.log",
    conda:
        "envs/report.yaml"
    params:
        code=code_hash("scripts/render_page.py"),
        versions=PAGES,
    script:
        "scripts/render_page.py"


rule write_manifest:
    """List what the experiment is made of, with hashes, in manifest.json."""
    input:
        judgement="experiments/{experiment}/work/judgement.json",
        oracle="experiments/{experiment}/work/oracle.json",
        opinion="experiments/{experiment}/work/gradcheck.json",
        graph="experiments/{experiment}/work/graph.json",
        environment="experiments/{experiment}/work/environment.json",
        arithmetic=per_judged("arithmetic.json"),
        replays=per_dtype("replay.json"),
        attributions=per_dtype("attribution.json"),
        orders=per_dtype("orders.json"),
        written=written_by_author,
        intermediate=lambda wildcards: [
            f"experiments/{wildcards.experiment}/work/{name}"
            for name in (
                "draws.safetensors",
                "states.safetensors",
                "cotangents.safetensors",
                "mistakes.json",
            )
        ]
        + tried(wildcards)
        + [
            path
            for kind in ("manual", "autograd", "reference", "reordered", "noise")
            for path in per_judged(f"{kind}.safetensors")(wildcards)
        ]
        + [
            path
            for name in (
                "errors.csv",
                "facts.json",
                "calls.json",
                "overflows.json",
                "handed_over.json",
            )
            for path in per_judged(name)(wildcards)
        ]
        + [
            path
            for name in ("operations.json", "recorded.safetensors")
            for path in per_dtype(name)(wildcards)
        ],
        outputs=[
            "experiments/{experiment}/REPORT.md",
            "experiments/{experiment}/REPORT.html",
            "experiments/{experiment}/errors.csv",
            *rules.draw_figures.output,
        ],
        template="templates/manifest.json.j2",
    output:
        manifest=update("experiments/{experiment}/manifest.json"),
    log:
        "experiments/{experiment}/work/logs/write_manifest.log",
    conda:
        "envs/report.yaml"
    params:
        settings=lambda wildcards: CONFIGS[wildcards.experiment],
        modules=sorted(
            {
                module
                for script in Path("scripts").glob("[a-z]*.py")
                for module in modules_of(str(script))
            }
        ),
        code=code_hash("scripts/write_manifest.py"),
        versions=TABLES,
    script:
        "scripts/write_manifest.py"


rule write_index:
    """List all experiments with their verdicts.

    It waits for every experiment, and stays as it was if one of them has no report. A run of one
    experiment's report alone leaves it alone.
    """
    input:
        manifests=expand(
            "experiments/{experiment}/manifest.json", experiment=EXPERIMENTS
        ),
        errors=expand("experiments/{experiment}/errors.csv", experiment=EXPERIMENTS),
        template="templates/index.md.j2",
        templates=PAGE_TEMPLATES,
    output:
        index=update("experiments/README.md"),
        page=report(
            update("experiments/index.html"),
            caption="templates/captions/index.rst",
            category="All experiments",
            labels={"shows": "Every experiment and its verdict"},
        ),
    log:
        "experiments/work/logs/write_index.log",
    conda:
        "envs/report.yaml"
    params:
        dtypes=["float64", "float32", "bfloat16", "float16"],
        code=code_hash("scripts/write_index.py"),
        versions=PAGES,
    script:
        "scripts/write_index.py"


rule accept:
    """Succeed if every acceptance criterion holds; else name those that do not."""
    input:
        judgement="experiments/{experiment}/work/judgement.json",
        report="experiments/{experiment}/REPORT.md",
        manifest="experiments/{experiment}/manifest.json",
    output:
        accepted="experiments/{experiment}/work/accepted.txt",
    log:
        "experiments/{experiment}/work/logs/accept.log",
    conda:
        "envs/report.yaml"
    params:
        code=code_hash("scripts/accept.py"),
    script:
        "scripts/accept.py"
