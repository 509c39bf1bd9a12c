"""Process arrays in parts, so that temporary results need little memory."""

from collections.abc import Iterator

AT_ONCE = 2**20  # numbers


def blocks(size: int, rows: int = 1) -> Iterator[slice]:
    """Slices that cover an axis of length `size`; of `rows` rows, one slice has AT_ONCE numbers.

    There is always at least one slice, which is empty if `size` is 0.
    """
    step = max(1, AT_ONCE // max(1, rows))
    for start in range(0, max(1, size), step):
        yield slice(start, min(size, start + step))
