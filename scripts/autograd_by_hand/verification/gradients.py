"""The archived gradients and results must be what the recorded programs compute from the inputs."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from autograd_by_hand.core.messages import listed
from autograd_by_hand.floats.bits import same_bits
from autograd_by_hand.replay.repeated_gradients import Arrays, kept_runs
from autograd_by_hand.verification.experiment import Experiment
from autograd_by_hand.verification.finding import Finding, broken, met, noted, trusted


def check_gradients(experiment: Experiment, dtype: str) -> Iterator[Finding]:
    """Execute the programs of a dtype again, and compare what is archived of them."""
    recorded = experiment.recorded(dtype)
    for way in ("autograd", "manual"):
        program, behind = recorded.program(way), recorded.behind(way)
        again, archived = experiment.again(dtype, way), experiment.archived(dtype)[way]
        wanted = [
            name
            for name in dict.fromkeys(name for arrays in archived.values() for name in arrays)
            if not name.endswith(".second")
        ]
        named = {("result" if name == "loss" else name): rest for name, rest in behind.items()}
        for name in wanted:
            yield from _compared(experiment, dtype, way, name, archived, named)
        for sample, runs in Counter(sample for sample, _ in program["others"]).items():
            yield trusted(
                "programs",
                f"{dtype} {way} {sample}: {runs} runs execute other operations than the recorded",
            )
        lacking = [sample for sample, arrays in again.items() if arrays is None]
        kept = [sample for sample in lacking if sample in archived]
        if lacking and not kept:
            yield noted(
                "programs",
                f"{dtype} {way}: too little is recorded for {listed(lacking)}, of which no "
                "gradient is archived",
            )


def _compared(
    experiment: Experiment,
    dtype: str,
    way: str,
    name: str,
    archived: dict[str, Arrays],
    behind: dict[str, list[str]],
) -> Iterator[Finding]:
    """Compare one gradient or result over all samples that are archived."""
    if way == "manual" and name.removeprefix("d") in experiment.refused(dtype):
        yield noted("replay", f"{dtype} manual {name}: backward gave none, as calls.json says")
        return
    recorded, elements, identical, lacking = experiment.recorded(dtype), 0, 0, []
    for sample, arrays in archived.items():
        if name not in arrays:
            continue
        made = experiment.again(dtype, way).get(sample)
        if made is None or name not in made:
            lacking.append(sample)
            continue
        kept = kept_runs(recorded.program(way), sample, experiment.inputs[sample])
        expected = arrays[name][kept]
        alike = made[name].shape == expected.shape and made[name].dtype == expected.dtype
        elements += expected.size
        identical += int(np.sum(same_bits(made[name], expected))) if alike else 0
    place = f"{dtype} {way} {name}"
    if identical != elements:
        yield broken(
            "replay", f"{place}: {identical} of {elements} elements have the archived bits"
        )
    elif lacking:
        yield trusted(
            "replay", f"{place}: not recorded for {listed(lacking)}, so not computed again"
        )
    elif behind.get(name):
        rest = listed(behind[name])
        yield trusted(
            "replay", f"{place}: {elements} elements rest on the recorded results of {rest}"
        )
    elif not elements:
        yield broken("replay", f"{place}: nothing of it is archived")
    else:
        yield met("replay", f"{place}: {identical} of {elements} elements have the archived bits")
