"""Put hand-derived gradients on trial against PyTorch's autograd: `snakemake -c1`."""

import os
import re
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

LIBRARY = Path(workflow.basedir, "scripts")
sys.path.insert(0, str(LIBRARY))  # as Python does for whatever is started from there

from autograd_by_hand.pipeline.warm_python import start_warm_python
from autograd_by_hand.pipeline.slurm import why_jobs_failed
from autograd_by_hand.experiment.config import load_configs
from autograd_by_hand.pipeline.cpu import processor, settings
from autograd_by_hand.pipeline.resources import refuse_what_cannot_be
from autograd_by_hand.pipeline.run_lock import be_part_of_a_run, be_the_only_run
from autograd_by_hand.pipeline.receipts import Job, renew_recipes
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.pipeline.progress_line import Screen
from autograd_by_hand.experiment.settings import (
    CHUNK,
    chunks,
    edition,
    gradient_names,
    judged,
    languages_of,
    shown_format,
)
from autograd_by_hand.pipeline.code_fingerprint import Code

# What an archive needs of the pipeline itself, to be run again.
PROJECT = sorted(
    str(path)
    for pattern in (
        "Makefile",
        "README.md",
        "LICENSE",
        "Snakefile",
        "envs/*",
        "experiments/schema.yaml",
        "profiles/*/*",
        "pyproject.toml",
        "scripts/**/*.py",
        "scripts/**/*.sh",
        "templates/**/*",
    )
    for path in Path().glob(pattern)
    if path.is_file()
)

# Snakemake imports pandas (0.2 s) to see whether a param is a data frame, unless there is none here.
sys.modules["pandas"] = None

SCHEMA = Path("experiments/schema.yaml")
CODE = Code(memory=Path(".snakemake/source_files.json"))
EXPERIMENTS = sorted(
    path.parent.name for path in Path("experiments").glob("*/config.yaml")
)
PAGE_TEMPLATES = [
    "templates/page.html.j2",
    "templates/page.css.j2",
    "templates/figures/picture.css.j2",
]
PICTURES = sorted(path.name for path in Path("templates/figures").glob("*.j2"))
SECTIONS = sorted(path.name for path in Path("templates/report").glob("*.j2"))
PACKAGES = ("torch", "numpy", "ml_dtypes", "pandas", "jinja2", "safetensors")


def kept(file, shows, kind=None, category="{experiment}"):
    """A generated file that is kept, and stands under these words in `snakemake --report`."""
    return report(
        update(file),
        caption=f"templates/captions/{Path(file.replace('{edition}', '')).stem}.rst",
        category=category,
        subcategory=kind,
        labels={"shows": f"{shows}{{edition}}" if "{edition}" in file else shows},
    )


@contextmanager
def in_a_sentence():
    """Have Snakemake end with what a error says, and without a traceback."""
    try:
        yield
    except UserError as error:
        raise WorkflowError(str(error)) from None


# Checked here and not where it is first used: there, Snakemake would take a mistake for a file that
# no rule makes, and be content with an old one.
# For all experiments: snakemake --config chunk=200
OTHER_CHUNK = config.get("chunk")
if OTHER_CHUNK is not None and (not isinstance(OTHER_CHUNK, int) or OTHER_CHUNK < 1):
    raise WorkflowError(
        f"--config chunk={OTHER_CHUNK}: must be a whole number of runs, 1 or more."
    )


with in_a_sentence():
    CONFIGS = load_configs([Path("experiments", name) for name in EXPERIMENTS], SCHEMA)


def setting(key, default=None):
    """One value of the experiment's config, for a rule's params."""
    return lambda wildcards: CONFIGS[wildcards.experiment].get(key, default)


def needed(wildcards):
    """The tensors whose gradients are tried."""
    return list(gradient_names(CONFIGS[wildcards.experiment]["tensors"]))


def editions(wildcards):
    """What tells the languages of an experiment's report apart in the names of its files."""
    return [
        edition(language) for language in languages_of(CONFIGS[wildcards.experiment])
    ]


def language_of(wildcards):
    """The language of one edition."""
    return wildcards.edition.removeprefix(".") or "en"


def catalogue(wildcards):
    """The words of one edition, if they are not those of the templates."""
    language = language_of(wildcards)
    return [] if language == "en" else [f"templates/locale/{language}.po"]


def report_named(wildcards):
    """The report in the experiment's first language."""
    return f"experiments/{wildcards.experiment}/REPORT{editions(wildcards)[0]}.md"


def written_by_author(wildcards):
    """The author's files of an experiment; a discussion and translations are there if written."""
    names = ["config.yaml", "forward.py", "backward.py"]
    names += [
        f"{name}{one}.md"
        for name in ("derivation", "discussion")
        for one in dict.fromkeys(["", *editions(wildcards)])
    ]
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


def cached(wildcards):
    """The cached files that a reader of the report would ask for, inputs first."""
    folder = f"experiments/{wildcards.experiment}/work"
    once = (
        "draws.safetensors",
        "states.safetensors",
        "cotangents.safetensors",
        "environment.json",
        "gradcheck.json",
        "graph.json",
        "judgement.json",
        "mistakes.json",
        "oracle.json",
        "tails.json",
    )
    by_judged = (
        "arithmetic.json",
        "calls.json",
        "errors.csv",
        "facts.json",
        "handed_over.json",
        "overflows.json",
    )
    by_dtype = (
        "attribution.json",
        "operations.json",
        "orders.json",
        "recorded.safetensors",
        "replay.json",
    )
    return (
        [f"{folder}/{file}" for file in once]
        + tried(wildcards)
        + [path for file in by_judged for path in per_judged(file)(wildcards)]
        + [path for file in by_dtype for path in per_dtype(file)(wildcards)]
    )


def computed(wildcards):
    """The tensors that every run gives, in every format."""
    kinds = ("manual", "autograd", "reference", "reordered", "noise")
    return [
        path for kind in kinds for path in per_judged(f"{kind}.safetensors")(wildcards)
    ]


def rest(wildcards):
    """The runs that are not looked at closely, in chunks: sample, first run, one after the last."""
    own = CONFIGS[wildcards.experiment]
    return chunks(own["samples"], OTHER_CHUNK or own.get("chunk", CHUNK))


def per_chunk(file, wanted=lambda sample: True):
    """A file of work/chunks/, for every chunk of runs of the samples that are wanted."""
    return lambda wildcards: [
        f"experiments/{wildcards.experiment}/work/chunks/{sample}.{first}-{last}{file}"
        for sample, first, last in rest(wildcards)
        if wanted(sample)
    ]


def shown(file):
    """A file of work/{dtype}/ for the format that the report shows in full."""

    def path(wildcards):
        dtype = shown_format(CONFIGS[wildcards.experiment]["dtypes"])
        return f"experiments/{wildcards.experiment}/work/{dtype}/{file}"

    return path


# The warm Python imports autograd_by_hand from here, as each stage does from beside its script.
os.environ.update(
    PYTHONPATH=os.pathsep.join([str(LIBRARY), *filter(None, [os.getenv("PYTHONPATH")])])
)


onstart:
    with in_a_sentence():
        be_the_only_run()
        if workflow.local_exec:
            refuse_what_cannot_be(
                {
                    name: settings
                    for name, settings in CONFIGS.items()
                    if not Path("experiments", name, "work/accepted.txt").exists()
                },
                Path(),
            )
    if workflow.local_exec:
        sys.executable = start_warm_python()
    # No limit of jobs a second: its clock makes each run end a second late, or, set to 0, spins.
    workflow.scheduler.job_rate_limiter = None
    SCREEN.begin()


onsuccess:
    SCREEN.end()


onerror:
    SCREEN.end()
    if not workflow.local_exec:
        reasons = why_jobs_failed([Path(each) for each in log])
        print(*reasons, sep="\n", file=sys.stderr)


# An experiment that misses its criteria is not computed again, as a job that a node has lost is.
localrules:
    accept,
    write_index,


wildcard_constraints:
    sample="[a-z][a-z0-9_]*",
    first="[0-9]+",
    last="[0-9]+",
    experiment="|".join(map(re.escape, EXPERIMENTS)) or "(?!)",
    dtype="float64|float32|bfloat16|float16",
    edition=r"(\.es)?",


rule all:
    """Run every experiment; succeed when each meets its own acceptance criteria."""
    input:
        expand("experiments/{experiment}/work/accepted.txt", experiment=EXPERIMENTS),
        "experiments/index.html",


rule archive:
    """Pack every experiment for others to check, in archives/."""
    input:
        expand("archives/{experiment}.tar.gz", experiment=EXPERIMENTS),


rule generate_tensors:
    """Draw the inputs of every run, in float32, from the seeds of the config."""
    input:
        recipe="experiments/{experiment}/work/recipes/generate_tensors.json",
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
    script:
        "scripts/generate_tensors.py"


rule draw_cotangents:
    """Give every run the cotangent that its gradient is pulled back from."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        states="experiments/{experiment}/work/states.safetensors",
        recipe="experiments/{experiment}/work/recipes/draw_cotangents.json",
    output:
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
    log:
        "experiments/{experiment}/work/logs/draw_cotangents.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    script:
        "scripts/draw_cotangents.py"


rule check_forward:
    """Check autograd itself, by finite differences of forward along one direction."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recipe="experiments/{experiment}/work/recipes/check_forward.json",
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
    script:
        "scripts/check_forward.py"


rule check_backward:
    """Call the author's backward.py once, so that a mistake in it is told once."""
    input:
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recipe="experiments/{experiment}/work/recipes/check_backward.json",
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
    script:
        "scripts/check_backward.py"


rule compute_manual:
    """Call the author's backward.py on every run, in one format."""
    input:
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
        recipe="experiments/{experiment}/work/recipes/compute_manual.{dtype}.json",
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
    script:
        "scripts/compute_manual.py"


rule run_autograd:
    """Differentiate the author's forward.py by PyTorch's autograd on every run, in one format."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recipe="experiments/{experiment}/work/recipes/run_autograd.{dtype}.json",
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
    script:
        "scripts/run_autograd.py"


rule compute_reference:
    """Differentiate forward.py in wider arithmetic, from the inputs as one format rounds them."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recipe="experiments/{experiment}/work/recipes/compute_reference.{dtype}.json",
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
    script:
        "scripts/compute_reference.py"


rule measure_noise:
    """Measure the rounding noise that each gradient must have, in one format."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recipe="experiments/{experiment}/work/recipes/measure_noise.{dtype}.json",
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
    script:
        "scripts/measure_noise.py"


rule reorder_sums:
    """Call the author's backward.py with its sums done by numpy, on every run, in one format."""
    input:
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
        recipe="experiments/{experiment}/work/recipes/reorder_sums.{dtype}.json",
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
        recipe="experiments/{experiment}/work/recipes/score_errors.{dtype}.json",
    output:
        errors="experiments/{experiment}/work/{dtype}/errors.csv",
        facts="experiments/{experiment}/work/{dtype}/facts.json",
        tails="experiments/{experiment}/work/{dtype}/tails.json",
    log:
        "experiments/{experiment}/work/logs/score_errors.{dtype}.log",
    conda:
        "envs/report.yaml"
    params:
        needed=needed,
    script:
        "scripts/score_errors.py"


rule mark_chunks:
    """Note the generators' states before each chunk of the runs that are not looked at closely."""
    input:
        states="experiments/{experiment}/work/states.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recipe="experiments/{experiment}/work/recipes/mark_chunks.json",
    output:
        starts="experiments/{experiment}/work/starts.safetensors",
        cotangent_starts="experiments/{experiment}/work/cotangent_starts.safetensors",
    log:
        "experiments/{experiment}/work/logs/mark_chunks.log",
    conda:
        "envs/torch.yaml"
    params:
        specs=setting("tensors"),
        samples=setting("samples"),
        chunks=rest,
    script:
        "scripts/mark_chunks.py"


rule measure_chunk:
    """Measure the errors of a chunk of runs, run by run, and keep no tensor."""
    input:
        forward="experiments/{experiment}/forward.py",
        backward="experiments/{experiment}/backward.py",
        checked="experiments/{experiment}/work/checked.txt",
        starts="experiments/{experiment}/work/starts.safetensors",
        cotangent_starts="experiments/{experiment}/work/cotangent_starts.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        arithmetic=per_dtype("arithmetic.json"),
        recipe="experiments/{experiment}/work/recipes/measure_chunk.{sample}.{first}-{last}.json",
    output:
        errors="experiments/{experiment}/work/chunks/{sample}.{first}-{last}.safetensors",
        tails="experiments/{experiment}/work/chunks/{sample}.{first}-{last}.json",
    log:
        "experiments/{experiment}/work/logs/measure_chunk.{sample}.{first}-{last}.log",
    conda:
        "envs/torch.yaml"
    resources:
        time_limit=setting("time_limit", 60),
    params:
        specs=setting("tensors"),
        samples=setting("samples"),
        dtypes=setting("dtypes"),
        needed=needed,
    script:
        "scripts/measure_chunk.py"


rule collect_errors:
    """Put the errors of all formats into the experiment's one table."""
    input:
        parts=per_dtype("errors.csv"),
        chunks=per_chunk(".safetensors"),
        recipe="experiments/{experiment}/work/recipes/collect_errors.json",
    output:
        errors=kept(
            "experiments/{experiment}/errors.csv", "Every error of every run", "Tables"
        ),
    log:
        "experiments/{experiment}/work/logs/collect_errors.log",
    conda:
        "envs/report.yaml"
    params:
        spans=rest,
        needed=needed,
    script:
        "scripts/collect_errors.py"


rule collect_tails:
    """Add up how far the elements are off, over all runs of the trial."""
    input:
        parts=per_dtype("tails.json"),
        chunks=per_chunk(".json", wanted=lambda sample: sample == "trial"),
        recipe="experiments/{experiment}/work/recipes/collect_tails.json",
    output:
        tails="experiments/{experiment}/work/tails.json",
    log:
        "experiments/{experiment}/work/logs/collect_tails.log",
    conda:
        "envs/report.yaml"
    script:
        "scripts/collect_tails.py"


rule dump_graph:
    """Write down the graph that autograd records of the author's forward.py."""
    input:
        forward="experiments/{experiment}/forward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        recipe="experiments/{experiment}/work/recipes/dump_graph.json",
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
    script:
        "scripts/dump_graph.py"


rule record_environment:
    """Write down what the numbers depend on besides the inputs."""
    input:
        recipe="experiments/{experiment}/work/recipes/record_environment.json",
    output:
        environment="experiments/{experiment}/work/environment.json",
    log:
        "experiments/{experiment}/work/logs/record_environment.log",
    conda:
        "envs/torch.yaml"
    params:
        packages=PACKAGES,
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
        recipe="experiments/{experiment}/work/recipes/observe_operations.{dtype}.json",
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
    script:
        "scripts/observe_operations.py"


rule reveal_orders:
    """Reveal in which order every observed sum adds, torch's and numpy's, in one format."""
    input:
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        environment="experiments/{experiment}/work/environment.json",
        recipe="experiments/{experiment}/work/recipes/reveal_orders.{dtype}.json",
    output:
        orders=update("experiments/{experiment}/work/{dtype}/orders.json"),
    log:
        "experiments/{experiment}/work/logs/reveal_orders.{dtype}.log",
    conda:
        "envs/torch.yaml"
    params:
        code=CODE.hash_of("scripts/reveal_orders.py"),
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
        recipe="experiments/{experiment}/work/recipes/verify_replay.{dtype}.json",
    output:
        replay="experiments/{experiment}/work/{dtype}/replay.json",
    log:
        "experiments/{experiment}/work/logs/verify_replay.{dtype}.log",
    conda:
        "envs/numpy.yaml"
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
        recipe="experiments/{experiment}/work/recipes/attribute_difference.{dtype}.json",
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
        recipe="experiments/{experiment}/work/recipes/ask_gradcheck.json",
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
        recipe="experiments/{experiment}/work/recipes/name_mistakes.json",
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
        recipe="experiments/{experiment}/work/recipes/try_pitfalls.json",
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
        recipe="experiments/{experiment}/work/recipes/judge_gradients.json",
    output:
        judgement="experiments/{experiment}/work/judgement.json",
    log:
        "experiments/{experiment}/work/logs/judge_gradients.log",
    conda:
        "envs/report.yaml"
    params:
        acceptance=setting("acceptance"),
        dtypes=setting("dtypes"),
    script:
        "scripts/judge_gradients.py"


rule draw_figures:
    """Draw the experiment's pictures, worded in one language."""
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
        catalogue=catalogue,
        recipe="experiments/{experiment}/work/recipes/draw_figures{edition}.json",
    output:
        by_dtype=kept(
            "experiments/{experiment}/figures/error_by_dtype{edition}.svg",
            "Error by format",
            "Pictures",
        ),
        by_run=kept(
            "experiments/{experiment}/figures/error_by_run{edition}.svg",
            "Error by run",
            "Pictures",
        ),
        in_ulps=kept(
            "experiments/{experiment}/figures/error_in_ulps{edition}.svg",
            "Signed errors in ulps",
            "Pictures",
        ),
        places=kept(
            "experiments/{experiment}/figures/error_places{edition}.svg",
            "Where the errors sit",
            "Pictures",
        ),
        chain=kept(
            "experiments/{experiment}/figures/graph{edition}.svg",
            "The graph",
            "Pictures",
        ),
        trees=kept(
            "experiments/{experiment}/figures/orders{edition}.svg",
            "How each sum is added",
            "Pictures",
        ),
        shares=kept(
            "experiments/{experiment}/figures/shares{edition}.svg",
            "What moves the bits",
            "Pictures",
        ),
    log:
        "experiments/{experiment}/work/logs/draw_figures{edition}.log",
    conda:
        "envs/report.yaml"
    params:
        dtypes=setting("dtypes"),
        gradients=lambda wildcards: [f"d{name}" for name in needed(wildcards)],
        language=language_of,
    script:
        "scripts/draw_figures.py"


rule render_report:
    """Tell what was measured and judged, in REPORT.md, and in REPORT.es.md for Spanish."""
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
        tails="experiments/{experiment}/work/tails.json",
        oracle="experiments/{experiment}/work/oracle.json",
        opinion="experiments/{experiment}/work/gradcheck.json",
        tried=tried,
        graph="experiments/{experiment}/work/graph.json",
        environment="experiments/{experiment}/work/environment.json",
        written=written_by_author,
        figures=rules.draw_figures.output,
        template="templates/REPORT.md.j2",
        sections=collect("templates/report/{file}", file=SECTIONS),
        catalogue=catalogue,
        recipe="experiments/{experiment}/work/recipes/render_report{edition}.json",
    output:
        report=update("experiments/{experiment}/REPORT{edition}.md"),
    log:
        "experiments/{experiment}/work/logs/render_report{edition}.log",
    conda:
        "envs/report.yaml"
    params:
        title=setting("title"),
        question=setting("question"),
        specs=setting("tensors"),
        samples=setting("samples"),
        dtypes=setting("dtypes"),
        language=language_of,
        languages=lambda wildcards: languages_of(CONFIGS[wildcards.experiment]),
        translations=setting("translations", {}),
    script:
        "scripts/render_report.py"


rule render_page:
    """Make of the report one HTML file that needs no other."""
    input:
        report="experiments/{experiment}/REPORT{edition}.md",
        judgement="experiments/{experiment}/work/judgement.json",
        figures=rules.draw_figures.output,
        written=written_by_author,
        templates=PAGE_TEMPLATES,
        catalogue=catalogue,
        recipe="experiments/{experiment}/work/recipes/render_page{edition}.json",
    output:
        page=kept(
            "experiments/{experiment}/REPORT{edition}.html",
            "The whole report",
            "Report",
        ),
    log:
        "experiments/{experiment}/work/logs/render_page{edition}.log",
    conda:
        "envs/report.yaml"
    params:
        language=language_of,
    script:
        "scripts/render_page.py"


def outputs(wildcards):
    """What an experiment keeps, but for its manifest: its reports in every language, its errors."""
    folder = f"experiments/{wildcards.experiment}"
    told = [*rules.render_report.output, *rules.render_page.output]
    return [f"{folder}/errors.csv"] + [
        str(path).format(experiment=wildcards.experiment, edition=one)
        for one in editions(wildcards)
        for path in [*told, *rules.draw_figures.output]
    ]


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
        cached=cached,
        computed=computed,
        outputs=outputs,
        snakefile="Snakefile",
        template="templates/manifest.json.j2",
        recipe="experiments/{experiment}/work/recipes/write_manifest.json",
    output:
        manifest=update("experiments/{experiment}/manifest.json"),
    log:
        "experiments/{experiment}/work/logs/write_manifest.log",
    conda:
        "envs/report.yaml"
    params:
        settings=lambda wildcards: {
            key: value
            for key, value in CONFIGS[wildcards.experiment].items()
            if key != "chunk"  # which changes nothing
        },
        modules=sorted(
            {
                module
                for script in Path("scripts").glob("[a-z]*.py")
                for module in CODE.modules_of(str(script))
            }
        ),
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
        recipe="experiments/work/recipes/write_index.json",
    output:
        index=update("experiments/README.md"),
        page=kept(
            "experiments/index.html",
            "Every experiment and its verdict",
            category="All experiments",
        ),
    log:
        "experiments/work/logs/write_index.log",
    conda:
        "envs/report.yaml"
    params:
        dtypes=["float64", "float32", "bfloat16", "float16"],
    script:
        "scripts/write_index.py"


rule collect_gradients:
    """Keep the gradients of the runs that are judged and shown, each bit once."""
    input:
        manual="experiments/{experiment}/work/{dtype}/manual.safetensors",
        autograd="experiments/{experiment}/work/{dtype}/autograd.safetensors",
        recipe="experiments/{experiment}/work/recipes/collect_gradients.{dtype}.json",
    output:
        gradients="experiments/{experiment}/work/{dtype}/gradients.safetensors",
        same="experiments/{experiment}/work/{dtype}/same.json",
    log:
        "experiments/{experiment}/work/logs/collect_gradients.{dtype}.log",
    conda:
        "envs/torch.yaml"
    script:
        "scripts/collect_gradients.py"


rule write_archive:
    """Pack an experiment with all that is needed to check it and to run it again."""
    input:
        manifest="experiments/{experiment}/manifest.json",
        citation="CITATION.cff",
        written=written_by_author,
        outputs=outputs,
        cached=cached,
        gradients=per_dtype("gradients.safetensors"),
        same=per_dtype("same.json"),
        project=PROJECT,
        recipe="experiments/{experiment}/work/recipes/write_archive.json",
    output:
        archive="archives/{experiment}.tar.gz",
    log:
        "experiments/{experiment}/work/logs/write_archive.log",
    conda:
        "envs/report.yaml"
    params:
        config=lambda wildcards: CONFIGS[wildcards.experiment],
        version=version("snakemake"),
    script:
        "scripts/write_archive.py"


rule accept:
    """Succeed if every acceptance criterion holds; else name those that do not."""
    input:
        judgement="experiments/{experiment}/work/judgement.json",
        report=report_named,
        manifest="experiments/{experiment}/manifest.json",
        recipe="experiments/{experiment}/work/recipes/accept.json",
    output:
        accepted="experiments/{experiment}/work/accepted.txt",
    log:
        "experiments/{experiment}/work/logs/accept.log",
    retries: 0
    conda:
        "envs/report.yaml"
    script:
        "scripts/accept.py"


def versions(environment):
    """The packages of an environment as they are installed; with torch, what chooses its kernels."""
    names = re.findall(r"- ([\w-]+)==", Path(environment).read_text(encoding="utf-8"))
    kernels = {"processor": processor()} | settings() if "torch" in names else {}
    return {name: version(name) for name in names} | kernels


def job(rule, wildcards):
    """A job of a rule as Snakemake will see it, and the ingredients of its recipe."""

    def of(item):
        return item(wildcards) if callable(item) else item

    def paths(items):
        lists = [[one] if isinstance(one, str) else one for one in map(of, items)]
        return [str(path).format(**vars(wildcards)) for each in lists for path in each]

    declared = getattr(rules, rule.name)
    params = {name: of(value) for name, value in declared.params.items()}
    code = CODE.hash_of(f"scripts/{rule.name}.py")
    ingredients = {"params": params, "code": code} | versions(rule.conda_env)
    (log,) = paths(declared.log)
    files = Job(rule.name, log, paths(declared.input), paths(declared.output))
    return files, ingredients


def jobs(rule):
    """The wildcards of every job that a rule can have."""
    if "experiment" not in rule.wildcard_names:
        yield SimpleNamespace()
        return
    for experiment in EXPERIMENTS:
        here = SimpleNamespace(experiment=experiment)
        if "dtype" in rule.wildcard_names:
            for dtype in judged(CONFIGS[experiment]["dtypes"]):
                yield SimpleNamespace(experiment=experiment, dtype=dtype)
        elif "edition" in rule.wildcard_names:
            for told in editions(here):
                yield SimpleNamespace(experiment=experiment, edition=told)
        elif "sample" in rule.wildcard_names:
            for sample, first, last in rest(here):
                yield SimpleNamespace(
                    experiment=experiment, sample=sample, first=first, last=last
                )
        else:
            yield here


# Snakemake looks at dates; before it does, hold every job against its receipt.
if workflow.is_main_process:
    with in_a_sentence():
        SPOILT = renew_recipes(
            [
                job(rule, wildcards)
                for rule in workflow.rules
                if rule.script
                for wildcards in jobs(rule)
            ]
        )
    CODE.remember()
    for sentence in SPOILT:
        print(sentence, file=sys.stderr)
    REPORTS = {
        name: report_named(SimpleNamespace(experiment=name)) for name in EXPERIMENTS
    }
    SCREEN = Screen(workflow, REPORTS)


# On a node of a cluster this process carries out a group of jobs. It runs their stages itself, and
# does not start a Snakemake for each.
if workflow.remote_exec:
    workflow.localrules(*(rule.name for rule in workflow.rules))
    be_part_of_a_run()
    sys.executable = start_warm_python()
