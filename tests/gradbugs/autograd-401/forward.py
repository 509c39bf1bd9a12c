"""The log-density of a multivariate normal whose covariance is A A^T + I."""

import math

import torch


def forward(x, mean, A):
    covariance = A @ A.T + torch.eye(len(A), dtype=A.dtype)
    off = x - mean
    distance = off @ torch.linalg.solve(covariance, off)
    return -0.5 * (distance + torch.linalg.slogdet(covariance)[1] + len(x) * math.log(2 * math.pi))
