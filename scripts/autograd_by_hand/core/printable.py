"""Text of unknown origin for a terminal."""

import sys

LONGEST = 2000  # characters


def printable(text: str) -> str:
    """Text as one line that moves no cursor: what is not printable is escaped, the end left out.

    A line break would forge a line, an escape sequence clear the screen, and a mark of direction
    show a text that is not there. So are letters escaped that standard output cannot encode.
    """
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[:LONGEST]
    )
    encoding = sys.stdout.encoding or "utf-8"
    shown = shown.encode(encoding, "backslashreplace").decode(encoding)
    return f"{shown}..." if len(text) > LONGEST else shown
