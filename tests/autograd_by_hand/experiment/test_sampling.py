from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.experiment.input_sources import Sources
from autograd_by_hand.experiment.sampling import (
    Drawn,
    cast,
    draw_cotangents,
    draw_runs,
    drawn_as,
    resumed_generator,
)
from autograd_by_hand.experiment.sampling import draw_sample as draw_every
from autograd_by_hand.experiment.settings import FULLY_ANALYSED, Draw, SampleSpec

NOTHING = Sources(Path())
LAB = Path(__file__).parents[3] / "experiments/25-autograd-by-hand/config.yaml"
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
HALVES = (torch.float16, torch.bfloat16)
VECTOR = {"dout": Drawn(torch.Size([3]), at_random=True)}


def draw_sample(tensors, sample):
    return draw_every(tensors, sample, NOTHING)


def spec(draw, shape=(4,), **settings):
    return {"shape": list(shape), "draw": draw, **settings}


def drawn(settings, seed=7, runs=1):
    return draw_sample({"x": settings}, {"seed": seed, "runs": runs})[0]["x"]


@pytest.mark.parametrize(("sample", "seed", "runs"), [("trial", 123, 20), ("example", 42, 1)])
def test_the_labs_loop_draws_literally_the_same_numbers(sample, seed, runs):
    config = yaml.safe_load(LAB.read_text())
    draws, _ = draw_sample(config["tensors"], config["samples"][sample])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for run in range(runs):
            x = torch.randn(2, 64)
            W = torch.randn(600, 64)
            b = torch.randn(600)
            target = torch.randn(2, 600)
            for name, tensor in {"x": x, "W": W, "b": b, "target": target}.items():
                assert torch.equal(draws[name][run], tensor), (name, run)
    assert all(len(tensor) == runs for tensor in draws.values())


def test_drawing_leaves_torchs_own_generator_alone():
    before = torch.get_rng_state()
    drawn(spec("randn"))
    assert torch.equal(torch.get_rng_state(), before)


def test_another_seed_draws_other_numbers():
    assert not torch.equal(drawn(spec("randn"), seed=1), drawn(spec("randn"), seed=2))


def test_no_run_repeats_another():
    first, second = drawn(spec("randn"), runs=2)
    assert not torch.equal(first, second)


def test_a_tensor_without_axes_is_drawn_as_a_number():
    assert drawn(spec("randn", ()), runs=3).shape == (3,)


def test_linear_default_is_nn_linears_own_initialisation():
    tensors = {
        "W": spec("linear_default", (5, 9), fan_in=9),
        "b": spec("linear_default", (5,), fan_in=9),
    }
    draws, _ = draw_sample(tensors, {"seed": 11, "runs": 1})
    with torch.random.fork_rng():
        torch.manual_seed(11)
        layer = torch.nn.Linear(9, 5)
    torch.testing.assert_close(draws["W"][0], layer.weight.detach(), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(draws["b"][0], layer.bias.detach(), rtol=1e-6, atol=1e-7)


def test_linear_default_fills_its_bounds_and_stays_within():
    values = drawn(spec("linear_default", (1000,), fan_in=16))
    assert -0.25 <= values.min() < -0.24
    assert 0.24 < values.max() <= 0.25


def test_uniform_fills_its_bounds_and_stays_within():
    values = drawn(spec("uniform", (1000,), low=2, high=4))
    assert 2 <= values.min() < 2.02
    assert 3.98 < values.max() <= 4


def test_uniform_is_from_zero_to_one_unless_told_otherwise():
    values = drawn(spec("uniform", (1000,)))
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() <= 1


def test_randint_draws_every_whole_number_up_to_high_left_out():
    values = drawn(spec("randint", (200,), low=-1, high=3))
    assert values.dtype == torch.int64
    assert set(values.flatten().tolist()) == {-1, 0, 1, 2}


def test_complex_randn_is_torchs_own():
    values = drawn(spec("complex_randn", (3,)))[0]
    expected = torch.randn(3, dtype=torch.complex64, generator=torch.Generator().manual_seed(7))
    assert torch.equal(values, expected)


def test_bernoulli_draws_true_and_false_by_its_probability():
    values = drawn(spec("bernoulli", (1000,), probability=0.25))
    assert values.dtype == torch.bool
    assert 0.2 < values.double().mean() < 0.3
    assert drawn(spec("bernoulli", (9,), probability=1)).all()


def test_randint_starts_at_zero_unless_told_otherwise():
    assert set(drawn(spec("randint", (200,), high=2)).flatten().tolist()) == {0, 1}


@pytest.mark.parametrize("draw", ["randn", "uniform", "linear_default"])
def test_a_scale_multiplies_what_would_be_drawn_without(draw):
    plain = drawn(spec(draw, fan_in=4))
    assert torch.equal(drawn(spec(draw, fan_in=4, scale=0.5)), plain * 0.5)


def test_a_samples_own_words_change_its_draws():
    tensors = {"x": spec("randn")}
    own: dict[str, Draw] = {"x": {"scale": 8}}
    plain, _ = draw_sample(tensors, {"seed": 7, "runs": 2})
    scaled, _ = draw_sample(tensors, {"seed": 7, "runs": 2, "tensors": own})
    assert torch.equal(scaled["x"], plain["x"] * 8)


def test_a_draw_that_is_not_known_is_an_error():
    with pytest.raises(ValueError, match="cauchy"):
        drawn(spec("cauchy"))


def test_the_cotangent_of_a_scalar_is_one_in_every_run():
    _, state = draw_sample({"x": spec("randn")}, {"seed": 7, "runs": 3})
    scalar = {"dout": Drawn(torch.Size(), at_random=False)}
    assert draw_cotangents(resumed_generator(state), 3, scalar)["dout"].tolist() == [1, 1, 1]


def test_the_cotangent_of_a_vector_goes_on_from_the_samples_draws():
    _, state = draw_sample({"x": spec("randn", (20,))}, {"seed": 7, "runs": 2})
    generator = torch.Generator().manual_seed(7)
    for _ in range(2):
        torch.randn(20, generator=generator)
    due = torch.randn(2, 3, generator=generator)
    assert torch.equal(draw_cotangents(resumed_generator(state), 2, VECTOR)["dout"], due)


def test_the_cotangent_of_a_vector_is_not_all_ones_and_not_the_same_in_every_run():
    _, state = draw_sample({"x": spec("randn")}, {"seed": 7, "runs": 2})
    first, second = draw_cotangents(resumed_generator(state), 2, VECTOR)["dout"]
    assert len({*first.tolist(), *second.tolist()}) == 6


def test_how_cotangents_were_drawn_is_read_from_them():
    generator = torch.Generator().manual_seed(0)
    how = VECTOR | {
        "dout_0": Drawn(torch.Size(), at_random=True),
        "dout_1": Drawn(torch.Size(), at_random=False),
    }
    assert drawn_as(draw_cotangents(generator, 1, how)) == how


def test_the_same_state_gives_the_same_cotangents_again():
    _, state = draw_sample({"x": spec("randn")}, {"seed": 7, "runs": 2})
    again = [draw_cotangents(resumed_generator(state), 2, VECTOR)["dout"] for _ in range(2)]
    assert torch.equal(*again)


@given(FLOATS, st.sampled_from(HALVES))
def test_widening_what_was_rounded_is_exact(value, half):
    rounded = cast(torch.tensor([value]), half)
    wide = cast(rounded, torch.float64)
    assert torch.equal(cast(wide, half), rounded)
    assert wide.item() == rounded.item()


@given(FLOATS)
def test_float32_widens_to_the_same_number(value):
    assert cast(torch.tensor([value]), torch.float64).item() == value


@given(st.floats(2**-14, 65504, width=32))
def test_rounding_to_float16_gives_the_nearest_as_numpy_knows_it(value):
    assert cast(torch.tensor([value]), torch.float16).item() == np.float16(np.float32(value))


def test_a_tie_is_rounded_to_the_even_neighbour():
    assert cast(torch.tensor([2049.0, 2051.0]), torch.float16).tolist() == [2048, 2052]


def test_what_is_too_large_becomes_infinite():
    assert cast(torch.tensor([65520.0]), torch.float16).item() == float("inf")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALVES])
def test_whole_numbers_stay_whole_numbers(dtype):
    assert cast(torch.tensor([2**62 + 1]), dtype).tolist() == [2**62 + 1]


@pytest.mark.parametrize("value", [torch.ones(2), torch.ones(2, dtype=torch.int64)])
def test_a_cast_to_the_same_dtype_has_memory_of_its_own(value):
    copy = cast(value, torch.float32)
    copy += 1
    assert value.tolist() == [1, 1]


def test_only_the_first_runs_are_kept_and_the_state_is_that_after_all():
    sample: SampleSpec = {"seed": 7, "runs": FULLY_ANALYSED + 3}
    draws, state = draw_sample({"x": spec("randn")}, sample)
    assert draws["x"].shape == (FULLY_ANALYSED, 4)
    generator = torch.Generator().manual_seed(7)
    runs = [
        run["x"]
        for run in draw_runs({"x": spec("randn")}, sample, generator, FULLY_ANALYSED + 3, NOTHING)
    ]
    assert torch.equal(torch.stack(runs[:FULLY_ANALYSED]), draws["x"])
    assert torch.equal(generator.get_state(), state)
