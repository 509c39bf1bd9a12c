"""Put hand-derived gradients on trial against PyTorch's autograd: `snakemake -c1`.

The rules are in scripts/rules/, one file for each phase; the functions that they call are in
scripts/autograd_by_hand/pipeline/.
"""

import os
import re
import sys
from pathlib import Path

LIBRARY = os.path.join(workflow.basedir, "scripts")
sys.path.insert(0, LIBRARY)  # as Python does for a script that is started from there

from autograd_by_hand.pipeline import hooks
from autograd_by_hand.pipeline.code_fingerprint import Code
from autograd_by_hand.pipeline.inputs import Experiments
from autograd_by_hand.pipeline.kept_outputs import kept
from autograd_by_hand.pipeline.progress_line import Screen
from autograd_by_hand.pipeline.project_files import (
    PAGE_TEMPLATES,
    picture_templates,
    project_files,
    report_templates,
    snakefiles,
    source_modules,
)
from autograd_by_hand.pipeline.recipes import package_version

hooks.let_stages_import(LIBRARY)

code = Code(memory=Path(".snakemake/source_files.json"))

# Sets the size of chunks in all experiments: snakemake --config chunk=200
with hooks.in_a_sentence():
    experiments = Experiments.read(chunk_size=config.get("chunk"))

screen = Screen(workflow, experiments.reports()) if workflow.is_main_process else None


onstart:
    hooks.begin(workflow, experiments, screen)


onsuccess:
    screen.end()


onerror:
    hooks.end_failed(workflow, log, screen)


wildcard_constraints:
    sample="[a-z][a-z0-9_]*",
    first="[0-9]+",
    last="[0-9]+",
    experiment="|".join(map(re.escape, experiments.names)) or "(?!)",
    dtype="float64|float32|bfloat16|float16",
    edition=r"(\.es)?",


# `accept` fails if an experiment misses its criteria. It runs here, since a cluster job that fails is
# submitted again.
localrules:
    accept,
    write_index,


rule all:
    """Run every experiment; succeed if each meets its acceptance criteria."""
    input:
        experiments.of_all("work/accepted.txt"),
        experiments.index(),


rule archive:
    """Pack every experiment into an archive for others to check, in archives/."""
    input:
        expand("archives/{experiment}.tar.gz", experiment=experiments.names),


include: "scripts/rules/draw.smk"
include: "scripts/rules/differentiate.smk"
include: "scripts/rules/measure.smk"
include: "scripts/rules/trace.smk"
include: "scripts/rules/judge.smk"
include: "scripts/rules/report.smk"


if workflow.is_main_process:
    hooks.prepare_recipes(workflow, rules, experiments, code)
    hooks.set_up(workflow, experiments)
if workflow.remote_exec:
    hooks.take_part(workflow)
