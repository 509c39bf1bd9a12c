"""A mistake as it is reported and stored: its kind, its name and the evidence."""

from dataclasses import dataclass

from autograd_by_hand.core.messages import Message

UNKNOWN = Message(
    "no known mistake gives these values"
)  # the name of a mistake that could not be identified


@dataclass(frozen=True)
class Mistake:
    """The likeliest mistake behind a wrong gradient.

    kind: a word for what is wrong, such as "factor" or "transposed"
    name: the mistake
    evidence: what shows that it is this one
    family: the family of mistakes that it belongs to, by its name in a table of them
    dtype: the lower precision that backward computes in, if that is all that is wrong
    digits: how many significant digits the constants have, if rounded ones are all that is wrong
    """

    kind: str
    name: Message
    evidence: Message
    family: str = ""
    dtype: str = ""
    digits: int = 0

    def as_json(self) -> dict[str, str | int]:
        """The mistake as JSON, which judge_gradients reads."""
        plain: dict[str, str | int] = {
            "kind": self.kind,
            "name": self.name,
            "evidence": self.evidence,
        }
        if self.dtype:
            plain["format"] = self.dtype
        if self.digits:
            plain["digits"] = self.digits
        return plain


@dataclass(frozen=True)
class Explanation:
    """A change to one step that explains a wrong gradient, and how exactly it does.

    left_over: the fraction of the error that it does not explain
    """

    kind: str
    name: Message
    left_over: float
    family: str
