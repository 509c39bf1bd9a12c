"""The inputs must be those that the config's seeds give."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import listed
from autograd_by_hand.experiment.output_names import is_cotangent
from autograd_by_hand.experiment.settings import TensorSpec, drawn_tensors
from autograd_by_hand.verification.experiment import Experiment
from autograd_by_hand.verification.finding import Finding, broken, met, trusted
from autograd_by_hand.verification.torch_generator import Generator

Array = NDArray[Any]
MOST = 10**8  # numbers that are drawn in a sample
APART = (
    2.0**-17
)  # of normal numbers, relative to those above 1; torch rounds their parts to float32
DRAWN = {"randn", "uniform", "linear_default", "randint"}


class NotRepeated(Exception):
    """Numbers that cannot be drawn again, with the reason."""


def check_draws(experiment: Experiment) -> Iterator[Finding]:
    """Make the inputs of each sample again, and compare."""
    for sample, spec in experiment.config["samples"].items():
        try:
            wrong = _differing(experiment, sample)
        except NotRepeated as reason:
            yield trusted("inputs", f"{sample}: not drawn again, since {reason}")
            continue
        if wrong:
            yield broken(
                "inputs", f"{sample}: {listed(wrong)} is not what the seed {spec['seed']} gives"
            )
        else:
            yield met("inputs", f"{sample}: drawn again from the seed {spec['seed']}")


def _differing(experiment: Experiment, sample: str) -> list[str]:
    """The names of the inputs that are not what the config and its seed give.

    Raises
        NotRepeated: if an input is made in a way that cannot be repeated here.
    """
    config, archived = experiment.config, experiment.inputs[sample]
    own = config["samples"][sample]
    specs = drawn_tensors(config["tensors"], own)
    drawn = {name: spec for name, spec in specs.items() if "draw" in spec}
    if config.get("computes_in"):
        raise NotRepeated(f"it is rounded to {config['computes_in']}")
    if other := sorted({spec["draw"] for spec in drawn.values()} - DRAWN):
        raise NotRepeated(f"numpy has no counterpart of {listed(other)}")
    if files := sorted(name for name, spec in specs.items() if "file" in spec or "from" in spec):
        raise NotRepeated(f"{listed(files)} comes from a file")
    if own["runs"] * sum(prod(spec["shape"]) for spec in drawn.values()) > MOST:
        raise NotRepeated(f"more than {MOST:.0e} numbers are drawn")
    wrong = {
        name: None
        for name, spec in specs.items()
        if "value" in spec and not _is_written(spec, archived[name])
    }
    generator = Generator(own["seed"])
    for run in range(own["runs"]):
        for name, spec in drawn.items():
            made = _drawn(generator, spec)
            if run < len(archived[name]) and not _close(made, archived[name][run, ...], spec):
                wrong[name] = None
    for name in sorted(filter(is_cotangent, archived)):
        # That of a scalar is 1 if backward does not name it, as `loss.backward()` has it.
        is_one = archived[name].ndim == 1 and (archived[name] == 1).all()
        if not is_one and not _close(generator.normal([*archived[name].shape]), archived[name], {}):
            wrong[name] = None
    return [*wrong]


def _drawn(generator: Generator, spec: TensorSpec) -> Array:
    """Draw a tensor as `experiment.sampling` does, without its scale."""
    shape = spec["shape"]
    match spec["draw"]:
        case "randn":
            return generator.normal(shape)
        case "uniform":
            return generator.uniform(shape, spec.get("low", 0.0), spec.get("high", 1.0))
        case "linear_default":
            bound = spec["fan_in"] ** -0.5
            return generator.uniform(shape, -bound, bound)
        case _:
            return generator.integers(shape, int(spec.get("low", 0)), int(spec["high"]))


def _is_written(spec: TensorSpec, archived: Array) -> bool:
    """Whether every run has the numbers that the config writes out."""
    written = np.asarray(spec["value"]) * spec.get("scale", 1)
    return bool(archived.shape[1:] == written.shape and (archived == written).all())


def _close(made: Array, archived: Array, spec: TensorSpec) -> bool:
    """Whether numbers are the archived ones, normal ones up to the rounding of their parts."""
    scale = spec.get("scale", 1)
    scaled = made * made.dtype.type(scale) if scale != 1 else made
    if scaled.shape != archived.shape:
        return False
    if spec.get("draw", "randn") != "randn":
        return bool((scaled == archived).all())
    allowed = APART * abs(scale) * np.fmax(1, np.abs(made))
    return bool((np.abs(scaled.astype(np.float64) - archived) <= allowed).all())
