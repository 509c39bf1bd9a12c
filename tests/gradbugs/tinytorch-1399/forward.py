"""GELU in its sigmoid approximation."""


def forward(x):
    return x * (1.702 * x).sigmoid()
