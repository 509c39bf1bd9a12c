"""RMSNorm (Zhang and Sennrich, 2019)."""


def forward(x, w):
    return x * ((x * x).mean(-1, keepdim=True) + 1e-6).rsqrt() * w
