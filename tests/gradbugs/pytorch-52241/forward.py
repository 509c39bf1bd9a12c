"""The CTC loss of one sequence, by its forward recursion (Graves et al., 2006, section 4.1)."""

import torch

FAR = -1e4  # the logarithm of a probability of 0; autograd of logsumexp gives nan for only -inf


def forward(log_probs, target):
    labels = target.new_zeros(2 * len(target) + 1)  # blanks are 0
    labels[1::2] = target
    alpha = log_probs[0, labels].masked_fill(torch.arange(len(labels)) > 1, FAR)
    for emitted in log_probs[1:, labels]:
        alpha = _step(alpha, labels) + emitted
    return -torch.logsumexp(alpha[-2:], 0)


def _step(alpha, labels):
    none = alpha.new_full((2,), FAR)
    one, two = (torch.cat([none[:n], alpha[:-n]]) for n in (1, 2))
    skips = (labels != 0) & (labels != torch.cat([labels.new_full((2,), -1), labels[:-2]]))
    two = two.masked_fill(~skips, FAR)
    return torch.logsumexp(torch.stack([alpha, one, two]), 0)
