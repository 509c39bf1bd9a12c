"""Operators with their gradients by hand, correct variants and mistakes: one a module.

EIGHT are those on which the naming of mistakes was worked out. TWELVE came after the rules of the
verdict stood, from someone who did not know them. THIRD was written before the naming learnt to mend
the hand's own code, and was named once before its misses were looked at. FOURTH was written when all
of that stood, by someone who did not know it, and no rule was changed for it since. ALGORITHMS has no
mistakes, but correct gradients by the formulas and algorithms of other libraries and papers, to see
that none is rejected. REAL is code as people write it, with operations of every kind, to see that no
stage falls over.
"""

from importlib import import_module
from pathlib import Path

from tests.operators.case import Operator


def _operators(folder: str) -> list[Operator]:
    package = ".".join(("tests.operators", *folder.split()))
    paths = sorted(Path(__file__).parent.joinpath(folder).glob("[a-z]*.py"))
    modules = [import_module(f"{package}.{path.stem}") for path in paths]
    return [module.OPERATOR for module in modules if hasattr(module, "OPERATOR")]


def eight() -> list[Operator]:
    """Those on which the naming of mistakes was worked out."""
    return _operators("")


def twelve() -> list[Operator]:
    """Those that came later."""
    return _operators("more")


def third() -> list[Operator]:
    """Those on which the mending was first measured."""
    return _operators("third")


def fourth() -> list[Operator]:
    """Those on which all of it was measured, and nothing worked out."""
    return _operators("fourth")


def algorithms() -> list[Operator]:
    """Those whose correct gradients are computed in many other ways."""
    return _operators("algorithms")


SETS = {
    "eight": eight,
    "twelve": twelve,
    "third": third,
    "fourth": fourth,
    "algorithms": algorithms,
}


def asked(arguments: list[str]) -> list[Operator]:
    """The operators of the sets in a command line, of eight without one; or of these those named."""
    sets = [name for name in SETS if name in arguments] or ["eight"]
    wanted = {*arguments} - {*SETS}
    return [one for name in sets for one in SETS[name]() if not wanted or one.name in wanted]


def real() -> list[Operator]:
    """Code as people write it, which must get through every stage."""
    return _operators("real")
