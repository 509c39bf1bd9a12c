"""Go through arrays in parts, so that what is made of them on the way takes little memory."""

from collections.abc import Iterator

AT_ONCE = 2**20  # numbers


def blocks(size: int, rows: int = 1) -> Iterator[slice]:
    """Parts of an axis of `size`, of AT_ONCE numbers in `rows` rows; one part if it is small."""
    step = max(1, AT_ONCE // max(1, rows))
    for start in range(0, max(1, size), step):
        yield slice(start, min(size, start + step))
