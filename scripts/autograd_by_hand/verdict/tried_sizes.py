"""What is found out at other sizes of the axes."""

from typing import TypedDict

from autograd_by_hand.verdict.judge import VerdictOnGradient


class TriedSize(TypedDict):
    """What try_sizes writes for one size of the axes.

    declared: whether the config lists it
    refused: why forward cannot be tried at it, or null
    """

    size: dict[str, int]
    declared: bool
    refused: str | None
    verdicts: list[VerdictOnGradient]


def fails(tried: TriedSize) -> bool:
    """Whether backward is not right at a size; a size that forward refuses counts if declared."""
    if tried["refused"]:
        return tried["declared"]
    return any(one["outcome"] in ("wrong", "imprecise") for one in tried["verdicts"])


def size_in_words(tried: TriedSize) -> str:
    """A size as in the config: `batch: 1, features: 64`."""
    return ", ".join(f"{axis}: {length}" for axis, length in tried["size"].items())
