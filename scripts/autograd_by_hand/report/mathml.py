"""Convert a LaTeX formula to MathML, which a browser shows without a script."""

import re
from xml.etree import ElementTree as ET

from latex2mathml.converter import convert

_LEAKED = re.compile(r"\\([A-Za-z]+|.)?")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
# Elements of MathML with a fixed number of children, which the converter leaves incomplete.
_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3}
_ACTIVE = {"href", "style", "class", "id"}  # would make a formula a link or a style


class NotShowable(Exception):
    """A formula that has no MathML.

    formula: the LaTeX
    part: the unknown macro in it, empty if no single macro is the cause
    """

    def __init__(self, formula: str, part: str) -> None:
        super().__init__(formula, part)
        self.formula, self.part = formula, part


def mathml(formula: str, *, block: bool) -> str:
    """Return a `<math>` element: well-formed XML without a backslash, a link or a style.

    Raises
        NotShowable: if the formula cannot be parsed, is incomplete, or contains an unknown macro,
            which the converter itself would pass through as text.
    """
    aligned = formula.replace("{aligned}", "{align*}")
    try:
        text = convert(aligned, display="block" if block else "inline")
        root = ET.fromstring(text)  # noqa: S314 - made by the converter, without entities
    except Exception as error:  # the converter may raise anything for a broken formula
        raise NotShowable(formula, "") from error
    if not _braces_match(formula) or any(
        len(one) != _CHILDREN.get(one.tag.rpartition("}")[2], len(one)) for one in root.iter()
    ):
        raise NotShowable(formula, "")
    if leaked := _LEAKED.search("\n".join(root.itertext())):
        raise NotShowable(formula, leaked[0])
    if active := next(
        (name for one in root.iter() for name in _ACTIVE.intersection(one.keys())), None
    ):
        raise NotShowable(formula, "\\href" if active == "href" else f"\\{active}")
    return text


def _braces_match(formula: str) -> bool:
    """Whether every brace that groups is matched; the converter ignores those that are not."""
    depth = 0
    for found in _BRACE.finditer(formula):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth < 0:
            return False
    return depth == 0
