"""Escape untrusted text, so that it can be printed on a terminal."""

import sys

LONGEST = 2000  # characters


def printable(text: str) -> str:
    """The text on one line: characters that are not printable are escaped, a long text is cut.

    A line break could forge a line, an escape sequence clear the screen, and a bidirectional mark
    display another text. Characters that standard output cannot encode are escaped as well.
    """
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[:LONGEST]
    )
    encoding = sys.stdout.encoding or "utf-8"
    shown = shown.encode(encoding, "backslashreplace").decode(encoding)
    return f"{shown}..." if len(text) > LONGEST else shown
