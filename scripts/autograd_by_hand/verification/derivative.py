"""autograd's gradient must be the derivative of the recorded forward, by central differences.

A forger who writes an operation into the backward part of a program moves its replay as well as the
gradient. The forward part, executed at points around the inputs, knows nothing of that.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np

from autograd_by_hand.core.messages import listed
from autograd_by_hand.experiment.finite_difference import ridders
from autograd_by_hand.experiment.output_names import RESULT, cotangent_of
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.replay.repeated_gradients import (
    Arrays,
    Recorded,
    forward_alone,
    kept_runs,
)
from autograd_by_hand.verification.experiment import EXACT, Experiment
from autograd_by_hand.verification.finding import Finding, broken, met, trusted

TRIAL = "trial"
SEED = 0  # of the directions
STEPS = (1e-2, 1e-4, 1e-6)  # relative to the tensor's size, as a longer one may cross a kink
STOP = "aten.detach.default"


def check_derivative(experiment: Experiment) -> Iterator[Finding]:
    """Compare each gradient of autograd in float64 with differences of the recorded forward."""
    if EXACT not in experiment.dtypes:
        yield trusted("forward", "there is no float64, in which forward could be differentiated")
        return
    recorded = experiment.recorded(EXACT)
    if reason := _reason(recorded):
        yield trusted(
            "forward", f"the gradients were not compared with the recorded forward, since {reason}"
        )
        return
    kept = kept_runs(recorded.program("autograd"), TRIAL, experiment.inputs[TRIAL])
    inputs = {
        name: values[kept].astype(np.float64)
        if np.issubdtype(values.dtype, np.floating)
        else values[kept]
        for name, values in experiment.inputs[TRIAL].items()
    }
    gradients = experiment.archived(EXACT)["autograd"][TRIAL]
    random = np.random.default_rng(SEED)
    for gradient in experiment.gradients:
        name = gradient.removeprefix("d")
        size = sqrt(float(np.mean(np.square(inputs[name])))) or 1.0
        along = size * random.standard_normal(inputs[name].shape)
        yield _compared(recorded, inputs, name, gradients[gradient][kept], along)


def _reason(recorded: Recorded) -> str | None:
    """Why the recorded forward cannot be executed at other inputs; None if it can."""
    program, behind = recorded.program("autograd"), recorded.behind("autograd")
    results = [rest for name, rest in behind.items() if name == "loss" or name.startswith(RESULT)]
    if not results:
        return "it has no result"
    if any(results):
        every = {one for rest in results for one in rest}
        return f"it rests on the recorded results of {listed(sorted(every))}"
    if any(call["op"] == STOP for call in program["calls"][: program["forward"]]):
        return "it stops derivatives"
    return None


def _compared(
    recorded: Recorded, inputs: Arrays, name: str, gradient: np.ndarray, along: np.ndarray
) -> Finding:
    """Compare a gradient with the differences along a direction, over all runs together."""

    def paired(step: float) -> float:
        results = forward_alone(recorded, inputs | {name: inputs[name] + step * along})
        return sum(
            float(np.sum(one * inputs[cotangent_of(output)]))
            for output, one in results.items()
            if cotangent_of(output) in inputs
        )

    parts = gradient * along
    told, usual = float(np.sum(parts)), float(np.linalg.norm(parts))
    for step in STEPS:
        difference, uncertain = ridders(paired, step)
        allowed = max(2 * uncertain, sqrt(eps(EXACT)) * usual)
        if abs(told - difference) <= allowed:
            share = allowed / usual if usual else 0.0
            return met(
                "forward",
                f"d{name} is the derivative of the recorded forward along a random direction, to "
                f"within {share:.1e} of it",
            )
    return broken(
        "forward",
        f"d{name} is not the derivative of the recorded forward: {told:.6g} along a random "
        f"direction, where differences give {difference:.6g}",
    )
