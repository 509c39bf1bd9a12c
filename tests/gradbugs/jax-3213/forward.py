"""The function of JAX's documentation of custom derivatives."""


def forward(x, y):
    return x.sin() * y
