import torch


def backward(y, dout):
    greatest, where = y.max(-1, keepdim=True)
    slope = greatest / greatest.numel()
    return {"y": torch.zeros_like(y).scatter(-1, where, slope)}
