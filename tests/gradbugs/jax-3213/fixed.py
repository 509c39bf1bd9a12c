def backward(x, y, dout):
    return {"x": x.cos() * dout * y, "y": x.sin() * dout}
