"""The product of each row."""


def forward(x):
    return x.prod(1)
