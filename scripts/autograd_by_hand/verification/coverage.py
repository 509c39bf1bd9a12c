"""What a config demands must be there: every dtype, sample, run, gradient and result."""

from collections.abc import Iterator

from autograd_by_hand.experiment.settings import drawn_tensors
from autograd_by_hand.replay.repeated_gradients import Arrays
from autograd_by_hand.verification.experiment import KEPT, Experiment
from autograd_by_hand.verification.finding import Finding, broken, met


def check_coverage(experiment: Experiment) -> Iterator[Finding]:
    """Find whether anything is missing that the config demands."""
    config, manifest = experiment.config, experiment.manifest
    if manifest["dtypes"] != config["dtypes"]:
        yield broken("config", "the manifest lists other dtypes than its own config")
    if not config["dtypes"] or not experiment.gradients or "trial" not in config["samples"]:
        yield broken("config", "demands no dtype, no gradient or no sample named trial")
    faults = [*_faults_of_inputs(experiment), *_faults_of_gradients(experiment)]
    yield from (broken(about, words) for about, words in faults)
    if not faults:
        runs = sum(experiment.runs(sample) for sample in config["samples"])
        yield met(
            "config",
            f"{len(config['dtypes'])} dtypes, {len(config['samples'])} samples with {runs} runs, "
            f"{len(experiment.gradients)} gradients: the inputs and the results are all there",
        )


def _faults_of_inputs(experiment: Experiment) -> Iterator[tuple[str, str]]:
    inputs, config = experiment.inputs, experiment.config
    for sample in inputs.keys() ^ config["samples"].keys():
        yield "inputs", f"sample {sample}: is either not archived or not in the config"
    for sample in inputs.keys() & config["samples"].keys():
        due = experiment.runs(sample)
        specs = drawn_tensors(config["tensors"], config["samples"][sample])
        for name in [one for one in specs if one not in inputs[sample]]:
            yield "inputs", f"{sample}: has no {name}"
        if not inputs[sample].keys() - specs.keys():
            yield "inputs", f"{sample}: has no cotangent"
        for name, values in inputs[sample].items():
            if len(values) != due:
                yield "inputs", f"{sample} {name}: has {len(values)} runs; the config has {due}"
            shape = specs.get(name, {}).get("shape")
            if shape is not None and [*values.shape[1 : len(shape) + 1]] != shape:
                yield "inputs", f"{sample} {name}: has another shape than in the config"


def _faults_of_gradients(experiment: Experiment) -> Iterator[tuple[str, str]]:
    for dtype in experiment.dtypes:
        refused = experiment.refused(dtype)
        ways = experiment.archived(dtype)
        for sample in [name for name in experiment.config["samples"] if name in KEPT]:
            for way in ("autograd", "manual"):
                kept = ways[way].get(sample, {})
                yield from _faults_of_sample(experiment, f"{dtype} {way} {sample}", sample, kept)
            if not ways["autograd"].get(sample, {}).keys() - {*experiment.gradients}:
                yield "results", f"{dtype} {sample}: forward's result is missing"
        programs = experiment.recorded(dtype).operations
        for way, program in (("autograd", programs["autograd"]), ("manual", programs["hand"])):
            for name in experiment.gradients:
                excused = way == "manual" and name.removeprefix("d") in refused
                if name not in program["outputs"] and not excused:
                    yield "programs", f"{dtype} {way}: the program has no {name}"


def _faults_of_sample(
    experiment: Experiment, place: str, sample: str, kept: Arrays
) -> Iterator[tuple[str, str]]:
    for name in experiment.gradients:
        if name not in kept:
            yield "results", f"{place}: {name} is missing"
            continue
        due = experiment.inputs.get(sample, {}).get(name.removeprefix("d"))
        if due is not None and kept[name].shape != due.shape:
            yield "results", f"{place}: {name} has another shape than its tensor in all runs"
