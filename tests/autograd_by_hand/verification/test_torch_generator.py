"""numpy must draw what torch draws."""

import numpy as np
import pytest
import torch

from autograd_by_hand.verification.torch_generator import Generator

SHAPES = [[3], [64, 60], [5], [17], [2], [31], [1], [16], [], [4, 4]]


@pytest.mark.parametrize("seed", [0, 42, 123, 2**32 + 7, 2**63 + 5])
def test_the_numbers_are_torchs(seed: int) -> None:
    theirs, ours = torch.Generator().manual_seed(seed), Generator(seed)
    for shape in SHAPES:
        normal = torch.randn(shape, generator=theirs).numpy()
        np.testing.assert_allclose(ours.normal(shape), normal, rtol=0, atol=4e-6)
        uniform = torch.empty(shape).uniform_(-0.3, 1.7, generator=theirs).numpy()
        assert np.array_equal(ours.uniform(shape, -0.3, 1.7), uniform)
        whole = torch.randint(-3, 50, shape, generator=theirs).numpy()
        assert np.array_equal(ours.integers(shape, -3, 50), whole)
