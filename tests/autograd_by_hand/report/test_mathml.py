from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.report.mathml import NotShowable, mathml

MACROS = (r"\frac{a}{b}", r"\sum_{i=1}^{n}", r"W^\top", r"\mathbb{R}", r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
          r"\left(\frac{a}{b}\right)", r"\text{if } x", r"\begin{pmatrix} a & b \end{pmatrix}", r"\;\odot\,")  # fmt: skip


def words(formula: str) -> str:
    return "".join(ET.fromstring(mathml(formula, block=False)).itertext())  # noqa: S314 - ours


def test_a_formula_becomes_mathml_in_its_line_or_on_its_own():
    assert 'display="inline"' in mathml("x", block=False)
    assert 'display="block"' in mathml("x", block=True)
    assert words(r"x \in y") == "x\N{ELEMENT OF}y"


def test_less_than_and_ampersand_stay_text():
    assert words("x < y") == "x<y"


def test_lines_that_are_aligned_become_rows():
    root = ET.fromstring(mathml(MACROS[4], block=True))  # noqa: S314 - ours
    assert len(list(root.iter("{http://www.w3.org/1998/Math/MathML}mtr"))) == 2


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        (r"a + \foo{x}", r"\foo"),
        (r"\text{a \foo b}", r"\foo"),
        (r"\href{javascript:alert(1)}{x}", r"\href"),
        (r"\class{leaf}{x}", r"\class"),
        (r"\left( x", ""),
        (r"x^", ""),
        (r"x^{2", ""),
        (r"2}", ""),
        (r"}{", ""),
        (r"\frac{a", ""),
        (r"\frac{a}", ""),
        (r"\text{a", ""),
        (r"a & b", ""),
        ("", ""),
    ],
)
def test_what_has_no_mathml_is_refused_by_the_part_that_is_to_blame(formula, part):
    with pytest.raises(NotShowable) as caught:
        mathml(formula, block=False)
    assert (caught.value.formula, caught.value.part) == (formula, part)


@pytest.mark.parametrize("formula", MACROS)
def test_what_derivations_are_written_in_is_known(formula):
    assert mathml(formula, block=True).startswith("<math")


@given(st.lists(st.sampled_from([*MACROS, "{", "}", "_", "^", "&", "<", "\\", "\\q", "x", "\\\\", "%", "#"]), max_size=6))  # fmt: skip
def test_whatever_comes_it_is_xml_without_a_backslash_or_refused(parts):
    try:
        text = mathml(" ".join(parts), block=False)
    except NotShowable:
        return
    root = ET.fromstring(text)  # noqa: S314 - ours
    assert root.tag.endswith("}math")
    assert "\\" not in text
