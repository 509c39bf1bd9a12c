"""Remember which of the author's files was last executed, for when the process dies or hangs in it.

The note lies in memory that a process shares with its children, so that it outlives them.
"""

import mmap
import struct
import time

SIZE = 4096  # bytes; one page
PATIENCE = 5  # times the time limit of a call, after which it is overdue
_WHEN = struct.Struct("d")  # a time.monotonic(), the same for all processes; 0 if none
_page: mmap.mmap | None = None


def watch() -> None:
    """Keep the notes of this process and of the children that it forks from now on."""
    global _page  # noqa: PLW0603 - one page for the process, as its children inherit it
    _page = mmap.mmap(-1, SIZE)


def note(what: str, limit: float) -> None:
    """Note what is executed next and within how many seconds it should end, if someone watches."""
    if _page is not None:
        text = what.encode()[: SIZE - _WHEN.size - 1]
        _page[_WHEN.size : _WHEN.size + len(text) + 1] = text + b"\0"
        _WHEN.pack_into(_page, 0, time.monotonic() + PATIENCE * limit)


def note_end() -> None:
    """Note that it has ended."""
    if _page is not None:
        _WHEN.pack_into(_page, 0, 0.0)


def last() -> str:
    """What was noted last; empty if there is none."""
    if _page is None:
        return ""
    return _page[_WHEN.size :].partition(b"\0")[0].decode(errors="replace")


def is_overdue() -> bool:
    """Whether what was noted last still runs after `PATIENCE` times its limit."""
    when: float = 0.0 if _page is None else _WHEN.unpack_from(_page)[0]
    return 0 < when < time.monotonic()
