"""Turn a formula in LaTeX into MathML, which a browser shows by itself."""

import re
from xml.etree import ElementTree as ET

from latex2mathml.converter import convert

_LEAKED = re.compile(r"\\([A-Za-z]+|.)?")
_ACTIVE = {"href", "style", "class", "id"}  # what would make of a formula a link or a rule


class NotShowable(Exception):
    """A formula that has no MathML.

    formula: the LaTeX
    part: the macro in it that is not known, empty where no single one is to blame
    """

    def __init__(self, formula: str, part: str) -> None:
        super().__init__(formula, part)
        self.formula, self.part = formula, part


def mathml(formula: str, *, block: bool) -> str:
    """A `<math>` element: well-formed XML without a backslash, a link or a style.

    Raises
        NotShowable: if the formula does not parse, or has a macro that is not known; the converter
            itself would let that through as text.
    """
    aligned = formula.replace("{aligned}", "{align*}")
    try:
        text = convert(aligned, display="block" if block else "inline")
        root = ET.fromstring(text)  # noqa: S314 - made by the converter, without entities
    except Exception as error:  # whatever the converter makes of a broken formula
        raise NotShowable(formula, "") from error
    if leaked := _LEAKED.search("\n".join(root.itertext())):
        raise NotShowable(formula, leaked[0])
    if active := next(
        (name for one in root.iter() for name in _ACTIVE.intersection(one.keys())), None
    ):
        raise NotShowable(formula, "\\href" if active == "href" else f"\\{active}")
    return text
