"""Draw an experiment's tensors as the lab does: one seed, then run by run, tensor by tensor."""

from collections.abc import Iterator

import torch
from torch import Tensor

from autograd_by_hand.experiment.settings import SampleSpec, TensorSpec, closely, drawn_tensors


def draw_runs(
    tensors: dict[str, TensorSpec], sample: SampleSpec, generator: torch.Generator, runs: int
) -> Iterator[dict[str, Tensor]]:
    """The next runs of a sample, one after another: each tensor's draw by its name.

    tensors, sample: as in the config
    """
    specs = drawn_tensors(tensors, sample)
    for _ in range(runs):
        yield {name: _draw(spec, generator) for name, spec in specs.items()}


def draw_sample(
    tensors: dict[str, TensorSpec], sample: SampleSpec
) -> tuple[dict[str, Tensor], Tensor]:
    """The first draws of one sample, and the generator's state after its last.

    tensors, sample: as in the config
    returns: each tensor's name to its draws, those that are looked at closely, shape (runs,
        *shape), float32 or int64; and the state (bytes of the generator) after all runs, from which
        a cotangent may be drawn on
    """
    generator = torch.Generator().manual_seed(sample["seed"])
    runs = draw_runs(tensors, sample, generator, sample["runs"])
    kept = [next(runs) for _ in range(closely(sample))]
    for _ in runs:
        pass
    draws = {name: torch.stack([run[name] for run in kept]) for name in tensors}
    return draws, generator.get_state()


def _draw(spec: TensorSpec, generator: torch.Generator) -> Tensor:
    """One tensor of shape spec["shape"]."""
    shape, scale = spec["shape"], spec.get("scale", 1)
    match spec["draw"]:
        case "randn":
            drawn = torch.randn(shape, generator=generator)
        case "uniform":
            low, high = spec.get("low", 0.0), spec.get("high", 1.0)
            drawn = torch.empty(shape).uniform_(low, high, generator=generator)
        case "linear_default":  # torch.nn.Linear.reset_parameters, for the weight and for the bias
            bound = spec["fan_in"] ** -0.5
            drawn = torch.empty(shape).uniform_(-bound, bound, generator=generator)
        case "randint":
            low, high = int(spec.get("low", 0)), int(spec["high"])
            return torch.randint(low, high, shape, generator=generator)
        case other:
            raise ValueError(other)
    return drawn if scale == 1 else drawn * scale


def draw_cotangents(generator: torch.Generator, runs: int, shape: torch.Size) -> Tensor:
    """One cotangent per run for a forward whose result has `shape`: (runs, *shape), float32.

    A scalar's is 1, as in `loss.backward()`. Any other is drawn: under all ones a wrong backward of
    a softmax agrees with the right one, since each row of its Jacobian sums to zero.
    """
    return torch.randn((runs, *shape), generator=generator) if shape else torch.ones(runs)


def going_on(state: Tensor) -> torch.Generator:
    """A generator in a state that another had."""
    generator = torch.Generator()
    generator.set_state(state)
    return generator


def cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """`tensor` rounded (or widened exactly) to `dtype`; whole numbers stay as they are.

    Always new memory of its own, so that no two runs share storage or alignment.
    """
    return tensor.to(dtype if tensor.is_floating_point() else tensor.dtype, copy=True)
