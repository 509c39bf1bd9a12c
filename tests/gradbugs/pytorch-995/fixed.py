import torch


def backward(x, dout):
    ones = torch.ones_like(x[:, :1])
    before = torch.cat([ones, x[:, :-1].cumprod(1)], 1)
    after = torch.cat([x[:, 1:].flip(1).cumprod(1).flip(1), ones], 1)
    return {"x": dout[:, None] * before * after}
