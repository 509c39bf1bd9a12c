import math


def backward(x, bias, dout):
    c = math.sqrt(2 / math.pi)
    z = x + bias
    t = (c * (z + 0.044715 * z**3)).tanh()
    d = dout * (0.5 * (1 + t) + 0.5 * z * (1 - t * t) * c * (1 + 3 * 0.044715 * z**2))
    return {"x": d, "bias": d.sum(0)}
