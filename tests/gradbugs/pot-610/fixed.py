import torch


def backward(C1, C2, T):
    p, q = T.sum(1), T.sum(0)
    return {
        "C1": 2 * C1 * torch.outer(p, p) - 2 * T @ C2 @ T.T,
        "C2": 2 * C2 * torch.outer(q, q) - 2 * T.T @ C1 @ T,
    }
