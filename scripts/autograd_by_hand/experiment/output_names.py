"""The names of forward's outputs and of their cotangents.

A forward that returns one tensor has the output "result", whose cotangent is "dout". Of several
tensors, each is "result_<key>" and has the cotangent "dout_<key>", by its key in a dict or its
number in a tuple.
"""

RESULT, COTANGENT = "result", "dout"


def cotangent_of(output: str) -> str:
    """The name of an output's cotangent: `dout` for "result", `dout_<key>` for "result_<key>"."""
    return COTANGENT + output.removeprefix(RESULT)


def output_of(cotangent: str) -> str:
    """The name of the output that a cotangent belongs to."""
    return RESULT + cotangent.removeprefix(COTANGENT)


def is_cotangent(name: str) -> bool:
    """Whether a parameter of backward with this name is a cotangent, and not a tensor."""
    return name == COTANGENT or name.startswith(f"{COTANGENT}_")
