"""The Huber loss of each row."""


def forward(x, t):
    off = (x - t).abs()
    return (0.5 * off**2).where(off < 1, off - 0.5).sum(1)
