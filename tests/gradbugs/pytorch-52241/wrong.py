import torch

FAR = -1e4  # the logarithm of a probability of 0


def backward(log_probs, target, dout):
    labels = target.new_zeros(2 * len(target) + 1)
    labels[1::2] = target
    emitted = log_probs[:, labels]
    ahead = _alphas(emitted, labels)
    behind = _alphas(emitted.flip(0, 1), labels.flip(0)).flip(0, 1)
    through = ahead + behind - emitted  # of the paths through each state at each time
    posterior = (through - torch.logsumexp(through[0], 0)).exp()
    expected = torch.zeros_like(log_probs).index_add(1, labels, posterior)
    return {"log_probs": dout * (log_probs.exp() - expected)}


def _alphas(emitted, labels):
    none = emitted.new_full((2,), FAR)
    skips = (labels != 0) & (labels != torch.cat([labels.new_full((2,), -1), labels[:-2]]))
    alphas = [emitted[0].masked_fill(torch.arange(len(labels)) > 1, FAR)]
    for now in emitted[1:]:
        one, two = (torch.cat([none[:n], alphas[-1][:-n]]) for n in (1, 2))
        two = two.masked_fill(~skips, FAR)
        alphas.append(torch.logsumexp(torch.stack([alphas[-1], one, two]), 0) + now)
    return torch.stack(alphas)
