"""lgamma's second derivative, which torch takes from the same rule as that of digamma."""

from dataclasses import replace

from tests.operators.public.digamma import OPERATOR as DIGAMMA

OPERATOR = replace(
    DIGAMMA,
    name="lgamma_twice",
    forward="""\
import torch


def forward(x):
    with torch.enable_grad():
        leaf = x if x.requires_grad else x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(torch.lgamma(leaf).sum(), leaf, create_graph=True)
    return slope
""",
)
