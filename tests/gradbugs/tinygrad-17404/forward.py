"""The product of each row; some elements are 0."""


def forward(x, kept):
    return (x * kept).prod(1)
