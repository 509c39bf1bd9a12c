"""How the author's backward uses autograd, as `autograd_watch` finds it and the report shows it."""

from typing import TypedDict


class AutogradUse(TypedDict):
    """How backward uses autograd.

    whole: whether autograd computes all gradients from the cotangent, and nothing is done by hand
    gradients: the tensors whose gradients autograd's engine returns
    nodes: the nodes of torch's own operations that it executes, by name
    lines: the lines of backward.py that call it, none if it is called from elsewhere
    """

    whole: bool
    gradients: list[str]
    nodes: list[str]
    lines: list[int]
