def backward(x, dout):
    t = (0.7978845608 * (x + 0.044715 * x**3)).tanh()
    du = 0.7978845608 * (1 + 3 * 0.044715 * x**2)
    return {"x": dout * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * du)}
