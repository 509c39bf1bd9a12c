import torch


def backward(a, W, dout):
    da, dW = torch.zeros_like(a), torch.zeros_like(W)
    stride = 2
    for h in range(len(dout)):
        for w in range(len(dout)):
            top, left = h * stride, w * stride
            window = (slice(None), slice(top, top + 3), slice(left, left + 3))
            da[window] += W * dout[h, w]
            dW += a[window] * dout[h, w]
    return {"a": da, "W": dW}
