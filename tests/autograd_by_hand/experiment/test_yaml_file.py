"""What is no YAML is a sentence with its line, and with what to write instead."""

from pathlib import Path

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.yaml_file import line_of, read_yaml

ELSEWHERE = (
    "this line does not continue what is above it; check its indentation, and that every key has a "
    "colon and a space after it."
)
CASES = {
    "title: A: b\n": """1: the text of 'title' has a colon; write title: "A: b" with quotes.""",
    "title: It's: b # why\n": """1: the text of 'title' has a colon; write title: "It's: b" with quotes.""",
    "a:\n  - claim: a: b\n": """2: the text of 'claim' has a colon; write claim: "a: b" with quotes.""",
    'title: say "A": b\n': """1: the text of 'title' has a colon; write title: 'say "A": b' with quotes.""",
    "title: what:\n": """1: the text of 'title' has a colon; write title: "what:" with quotes.""",
    "title: %A\n": """1: the text of 'title' begins with %; write title: "%A" with quotes.""",
    "title: `a` b\n": """1: the text of 'title' begins with `; write title: "`a` b" with quotes.""",
    "title: *a* b\nx: 1\n": """1: the text of 'title' begins with *; write title: "*a* b" with quotes.""",
    "title: !a b\n": """1: the text of 'title' begins with !; write title: "!a b" with quotes.""",
    "title: [a] b\nx: 1\n": "1: the text of 'title' goes on after what [ begins; put all of it in quotes.",
    "title: 'it's'\nx: 1\n": "1: the text of 'title' goes on after what ' begins; put all of it in quotes.",
    "a:\n\tb: 2\n": "2: a tab indents this line; YAML takes only spaces.",
    "a: 1\n \tb: 2\n": "2: a tab indents this line; YAML takes only spaces.",
    "a:\n  - \tb: 2\n    c: 1\n\td: 1\n": "2: a tab indents this line; YAML takes only spaces.",
    "a: [1, 2\nb: 3\n": "2: the [ of line 1 is not closed, or a comma is missing before this place.",
    "x: {a: 1 b: 2}\n": "1: the { of line 1 is not closed, or a comma is missing before this place.",
    'title: "a\nb: 3\n': "3: the quotation mark of line 1 is not closed.",
    "title: a\n b: 3\n": f"2: {ELSEWHERE}",
    "title:a\nb: 1\n": f"2: {ELSEWHERE}",
    " title: a\nb: 3\n": f"2: {ELSEWHERE}",
    "a:\n  - b\n - c\n": f"3: {ELSEWHERE}",
    "a: 1\na: 2\n": "2: the key 'a' occurs twice; keep one.",
    "1: a\n": "1: the key 1 is not text; put it in quotes.",
    "a: 1\n---\nb: 1\n": "2: but found another document.",
}


@pytest.mark.parametrize(("text", "sentence"), CASES.items())
def test_what_is_no_yaml_is_told_with_its_remedy(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_yaml(path)
    assert str(error.value) == f"{path}:{sentence}"


@pytest.mark.parametrize(
    "text", [sentence for sentence in CASES.values() if "; write " in sentence]
)
def test_what_is_advised_is_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text.partition("; write ")[2].removesuffix(" with quotes."))
    value, _ = read_yaml(path)
    assert [type(one) for one in value.values()] == [str]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is missing; copy another experiment's\.$"):
        read_yaml(tmp_path / "config.yaml")
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        read_yaml(tmp_path)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_signs_that_editors_of_other_systems_leave_are_no_mistake(
    tmp_path: Path, mark: str, end: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(f"{mark}a: b{end}c:{end}  d: [1]{end}".encode())
    value, nodes = read_yaml(path)
    assert value == {"a": "b", "c": {"d": [1]}}
    assert [line_of(nodes, path) for path in ((), ("c",), ("c", "d", 0), ("c", "x"))] == [
        1,
        2,
        3,
        2,
    ]
