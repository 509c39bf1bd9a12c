import math


def backward(x1, x2, dout):
    off = x1[:, None] - x2  # (4, 5, 3)
    s = math.sqrt(5) * (off**2).sum(-1).sqrt()
    slope = -5 / 3 * (1 + s) * (-s).exp()  # the derivative by r, divided by r
    each = (dout * slope)[..., None] * off
    return {"x1": each.sum(1), "x2": -each.sum(0)}
