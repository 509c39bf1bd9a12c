import pytest

from autograd_by_hand.core.printable import LONGEST, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dθ of `x`: 1 \\ 2", "dθ of `x`: 1 \\ 2"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[2J\x9b1m\x07", "\\x1b[2J\\x9b1m\\x07"),
        ("\u202egpj\u2028\u200b", "\\u202egpj\\u2028\\u200b"),
        ("\ud800", "\\ud800"),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * LONGEST + "y", "x" * LONGEST + "..."),
    ],
)
def test_a_text_is_one_line_without_a_command_to_the_terminal(text, shown):
    assert printable(text) == shown


def test_what_the_output_cannot_encode_is_escaped(monkeypatch):
    class Ascii:
        encoding = "ascii"

    monkeypatch.setattr("sys.stdout", Ascii())
    assert printable("dθ") == "d\\u03b8"
