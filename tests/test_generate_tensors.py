import torch

from autograd_by_hand.storage.safetensors_torch import read_given, read_tensors
from generate_tensors import generate_tensors

SPECS = {"x": {"shape": [2], "draw": "randn"}, "W": {"shape": [3], "draw": "randn"}}


def run(folder, specs=SPECS, computes_in=None, **samples):
    files = [folder / name for name in ("draws", "states", "made")]
    generate_tensors(str(folder), specs, samples, {}, ["float32"], computes_in, 10, *files)
    return read_tensors(folder / "draws"), read_tensors(folder / "states")


def test_the_draws_are_those_of_a_loop_after_manual_seed(tmp_path):
    draws, states = run(tmp_path, trial={"seed": 5, "runs": 2})
    torch.manual_seed(5)
    for number in range(2):
        assert torch.equal(draws["trial/x"][number], torch.randn(2))
        assert torch.equal(draws["trial/W"][number], torch.randn(3))
    assert torch.equal(states["trial/state"], torch.get_rng_state())


def test_the_order_of_the_tensors_is_the_order_of_the_draws(tmp_path):
    first = run(tmp_path, trial={"seed": 5, "runs": 1})[0]
    turned = run(tmp_path, dict(reversed(SPECS.items())), trial={"seed": 5, "runs": 1})[0]
    assert not torch.equal(first["trial/x"], turned["trial/x"])


def test_each_sample_starts_from_its_own_seed(tmp_path):
    draws, _ = run(
        tmp_path,
        one={"seed": 1, "runs": 1},
        two={"seed": 2, "runs": 1},
        again={"seed": 1, "runs": 1},
    )
    assert torch.equal(draws["one/x"], draws["again/x"])
    assert not torch.equal(draws["one/x"], draws["two/x"])


def test_where_backward_computes_in_a_coarser_dtype_tensors_are_numbers_of_it(tmp_path):
    trial = {"seed": 5, "runs": 2}
    finer, _ = run(tmp_path, trial=trial)
    draws, _ = run(tmp_path, computes_in="float16", trial=trial)
    assert torch.equal(draws["trial/x"], finer["trial/x"].half().float())
    assert not torch.equal(draws["trial/x"], finer["trial/x"])
    assert read_given(tmp_path / "draws").computes_in == "float16"
    draws, _ = run(tmp_path, computes_in="float32", trial=trial)
    assert torch.equal(draws["trial/x"], finer["trial/x"])
