"""Make the inputs of every run: draw them from the seeds of the config, or take them as given.

in   folder     the experiment's, which holds inputs.py and the files that tensors are read from
     specs      the config's `tensors`: how each is made, in this order
     samples    the config's `samples`: seed, number of runs, and tensors made in another way
     arguments  the config's `arguments`: what forward and backward get besides tensors
     dtypes     those of the config, of which the half formats have no complex numbers; none if
                everything is drawn, since then the config alone has told
     computes_in
                the config's: the dtype to which tensors are rounded, since backward computes in it
                whatever it is given; or None
     time_limit seconds for one call of inputs.py
out  draws      safetensors: "<sample>/<tensor>", shape (runs, *shape), for the runs that are fully
                analysed; and the arguments, and `computes_in`
     states     safetensors: "<sample>/state", the generator's bytes after the sample's last draw
     made       json: of each tensor of the trial its name, shape and dtype

What is drawn is float32, int64 or bool; what is written in the config is float64, int64 or bool;
what comes from a file or from inputs.py has the dtype that it has there. Each stage rounds floating
tensors to the dtype it computes in; the others are never converted.
"""

from pathlib import Path

from torch import Tensor

from autograd_by_hand.aten.dtypes import dtype_name
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import write_json
from autograd_by_hand.experiment.complex_views import parts
from autograd_by_hand.experiment.input_sources import read_sources
from autograd_by_hand.experiment.sampling import draw_sample, on_grid
from autograd_by_hand.experiment.settings import (
    HALF,
    WITHOUT_HALF,
    Argument,
    MadeTensor,
    SampleSpec,
    TensorSpec,
)
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import write_tensors


def generate_tensors(
    folder: str,
    specs: dict[str, TensorSpec],
    samples: dict[str, SampleSpec],
    arguments: dict[str, Argument],
    dtypes: list[str],
    computes_in: str | None,
    time_limit: float,
    draws: Path,
    states: Path,
    made: Path,
) -> None:
    drawn: dict[str, Tensor] = {}
    complex_ = set[str]()
    state_of: dict[str, Tensor] = {}
    sources = read_sources(Path(folder), specs, samples, arguments, time_limit)
    for name, sample in samples.items():
        tensors, state = draw_sample(specs, sample, sources)
        own = {tensor for tensor, value in tensors.items() if value.is_complex()}
        if drawn and own != complex_:
            other = min(own ^ complex_)
            raise UserError(
                f"{Path(folder) / 'config.yaml'}: samples.{name}: {other!r} is complex in some "
                "samples and real in others; make it the same in all."
            )
        complex_ = own
        real = {tensor: parts(value) for tensor, value in tensors.items()}
        drawn |= {f"{name}/{tensor}": value for tensor, value in on_grid(real, computes_in).items()}
        state_of[f"{name}/state"] = state
        if name == "trial":
            write_json(made, [_described(*one) for one in tensors.items()])
    _refuse_half(Path(folder), dtypes, sorted(complex_))
    write_tensors(draws, drawn, arguments, complex_, computes_in)
    write_tensors(states, state_of)


def _refuse_half(folder: Path, dtypes: list[str], names: list[str]) -> None:
    """Refuse the half formats if there are complex tensors."""
    if names and not HALF.isdisjoint(dtypes):
        sentence = WITHOUT_HALF.format(name=names[0])
        raise UserError(f"{folder / 'config.yaml'}: dtypes: {sentence}")


def _described(name: str, runs: Tensor) -> MadeTensor:
    """What was made: a tensor of every run, (runs, *shape)."""
    return {"name": name, "shape": [*runs.shape[1:]], "dtype": dtype_name(runs.dtype)}


if __name__ == "__main__":
    run_stage(generate_tensors, snakemake)  # type: ignore[name-defined]
