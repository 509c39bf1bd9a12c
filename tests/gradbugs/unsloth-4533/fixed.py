def backward(x, w, dout):
    r = ((x * x).mean(-1, keepdim=True) + 1e-6).rsqrt()
    normed = x * r
    scaled = dout * w
    dx = r * (scaled - normed * (scaled * normed).mean(-1, keepdim=True))
    return {"x": dx, "w": (dout * normed).sum(0)}
