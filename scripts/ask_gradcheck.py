"""Ask torch.autograd.gradcheck for a second opinion on the manual gradient, in float64.

in   forward, backward  the author's files
     draws              safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents         safetensors: "<sample>/dout"
     checked            text, as check_backward writes it: backward gives a gradient
     needed             the tensors that require a gradient
     time_limit         seconds for one call of forward or backward
out  opinion            json: `fast`, whether it compared random projections instead of every
                        element; `objection`, the first line of its error, or null; `refused`, why
                        it could not be called, or null

It gets the trial's first run, whole: the author's functions are never called with other shapes than
the config declares. Where the run has few elements, each is perturbed; otherwise, or if that takes
too long, gradcheck's fast mode perturbs all at once.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import write_json
from autograd_by_hand.experiment.complex_views import load_forward_of_real
from autograd_by_hand.experiment.detached import detached_fixed
from autograd_by_hand.experiment.gradcheck import ask, modes
from autograd_by_hand.experiment.output_names import output_of
from autograd_by_hand.experiment.returned_values import outputs_of
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import Author, call, is_surrogate
from autograd_by_hand.experiment.vjp import Backward, backward_function
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import read_given, read_runs

if TYPE_CHECKING:
    from autograd_by_hand.storage.second_opinions import Opinion


def ask_gradcheck(
    forward: Path,
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    opinion: Path,
) -> None:
    run = next(run for run in read_runs(draws, cotangents) if run.sample == "trial")
    wide = {name: cast(value, torch.float64) for name, value in run.tensors.items()}
    given = read_given(draws, cotangents)
    forwards = load_forward_of_real(forward, given, time_limit)

    def pulled(own: Author, /, **leaves: Tensor) -> dict[str, Tensor]:
        outputs = outputs_of(call(own, forward, leaves, time_limit), own, forward)
        return {name: outputs[output_of(name)] for name in run.douts}

    function = backward_function(backward, given, [*run.douts], time_limit)
    perturbed = [*run.douts.values(), *(wide[name] for name in needed)]
    answer: Opinion = {"fast": False, "objection": None, "refused": None}
    for fast in modes(sum(one.numel() for one in perturbed)):
        by_hand = Backward(function, backward, needed, torch.float64, time_limit, given.computes_in)
        try:
            # All that a surrogate detaches is held at its value in gradcheck's first call.
            fixed = detached_fixed(forwards) if is_surrogate(forward) else forwards
            objection = ask(partial(pulled, fixed), by_hand, wide, needed, fast)
            answer = {"fast": fast, "objection": objection, "refused": None}
            break
        except UserError as error:
            answer = {"fast": fast, "objection": None, "refused": error.sentence}
    write_json(opinion, answer)


if __name__ == "__main__":
    run_stage(ask_gradcheck, snakemake)  # type: ignore[name-defined]
