"""Draw an experiment's tensors as the lab does: from one seed, run by run, tensor by tensor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.experiment.input_sources import Sources
from autograd_by_hand.experiment.settings import (
    SampleSpec,
    TensorSpec,
    drawn_tensors,
    fully_analysed,
)


@dataclass(frozen=True)
class Drawn:
    """How a cotangent is drawn.

    shape: of its output
    at_random: or else it is 1, as in `loss.backward()`
    """

    shape: torch.Size
    at_random: bool


def draw_runs(
    tensors: dict[str, TensorSpec],
    sample: SampleSpec,
    generator: torch.Generator,
    runs: int,
    sources: Sources,
) -> Iterator[dict[str, Tensor]]:
    """Draw the next runs of a sample; yield each run's tensors by name.

    In each run inputs.py is called when everything else is drawn.

    tensors, sample: as in the config
    sources: where those come from that are not drawn

    Raises
        UserError: if one of them cannot be taken.
    """
    specs = drawn_tensors(tensors, sample)
    found = {name: sources.constant(name, spec) for name, spec in specs.items()}
    constant = {name: value for name, value in found.items() if value is not None}
    for _ in range(runs):
        run = {name: _draw(spec, generator) for name, spec in specs.items() if "draw" in spec}
        run |= constant
        if sources.made and len(run) < len(specs):
            run = sources.made(generator) | run
        yield {name: _scaled(run[name], spec) for name, spec in specs.items()}


def draw_sample(
    tensors: dict[str, TensorSpec], sample: SampleSpec, sources: Sources
) -> tuple[dict[str, Tensor], Tensor]:
    """The inputs of a sample's fully analysed runs, and the generator's state after its last run.

    tensors, sample, sources: as for `draw_runs`
    returns: the tensors by name, shape (runs, *shape); and the generator's state as bytes, from
        which the cotangents are drawn

    Raises
        UserError: as `draw_runs` does.
    """
    generator = torch.Generator().manual_seed(sample["seed"])
    runs = draw_runs(tensors, sample, generator, sample["runs"], sources)
    kept = [next(runs) for _ in range(fully_analysed(sample))]
    for _ in runs:
        pass
    draws = {name: torch.stack([run[name] for run in kept]) for name in tensors}
    return draws, generator.get_state()


def _draw(spec: TensorSpec, generator: torch.Generator) -> Tensor:
    """Draw one tensor of shape spec["shape"], in float32, complex64, int64 or bool."""
    shape = spec["shape"]
    match spec["draw"]:
        case "randn":
            return torch.randn(shape, generator=generator)
        case "complex_randn":
            return torch.randn(shape, generator=generator, dtype=torch.complex64)
        case "uniform":
            low, high = spec.get("low", 0.0), spec.get("high", 1.0)
            return torch.empty(shape).uniform_(low, high, generator=generator)
        case "linear_default":  # torch.nn.Linear.reset_parameters, for the weight and for the bias
            bound = spec["fan_in"] ** -0.5
            return torch.empty(shape).uniform_(-bound, bound, generator=generator)
        case "randint":
            low, high = int(spec.get("low", 0)), int(spec["high"])
            return torch.randint(low, high, shape, generator=generator)
        case "bernoulli":
            probability = spec.get("probability", 0.5)
            return torch.empty(shape).bernoulli_(probability, generator=generator).bool()
        case other:
            raise ValueError(other)


def _scaled(tensor: Tensor, spec: TensorSpec) -> Tensor:
    """The tensor times the config's scale, in its own dtype."""
    scale = spec.get("scale", 1)
    return tensor if scale == 1 else tensor * scale


def draw_cotangents(
    generator: torch.Generator, runs: int, outputs: Mapping[str, Drawn]
) -> dict[str, Tensor]:
    """The cotangents of some runs, one after another: by name, (runs, *shape), float32.

    Most are drawn at random: with all ones, a wrong backward of softmax could agree with the right
    one, since each row of its Jacobian sums to zero.
    """
    return {
        name: torch.randn((runs, *one.shape), generator=generator)
        if one.at_random
        else torch.ones((runs, *one.shape))
        for name, one in outputs.items()
    }


def drawn_as(cotangents: Mapping[str, Tensor]) -> dict[str, Drawn]:
    """How a sample's cotangents were drawn, from those of its first runs, (runs, *shape)."""
    return {
        name: Drawn(value.shape[1:], at_random=value.dim() > 1 or not bool((value == 1).all()))
        for name, value in cotangents.items()
    }


def resumed_generator(state: Tensor) -> torch.Generator:
    """A generator that continues from the state of another."""
    generator = torch.Generator()
    generator.set_state(state)
    return generator


def on_grid(tensors: dict[str, Tensor], dtype: str | None) -> dict[str, Tensor]:
    """The tensors in their own dtypes, with their numbers rounded to `dtype` if it is not None."""
    if dtype is None:
        return tensors
    coarse = torch_dtype(dtype)
    return {name: cast(one, coarse).to(one.dtype) for name, one in tensors.items()}


def cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """`tensor` rounded (or widened exactly) to `dtype`; integers and bool keep their dtype.

    torch rounds float64 to a half format by way of float32. The result is always a copy, so that no
    two runs share storage or alignment.
    """
    return tensor.to(dtype if tensor.is_floating_point() else tensor.dtype, copy=True)
