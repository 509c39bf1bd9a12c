"""A text for a reader that can be said in another language: its words, and what stands in them."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

LONGEST = 10**6  # characters of a message that a file holds; messages within messages double
_BRACES = re.compile(r"(\{\{|\}\})|\{([A-Za-z_]\w*)\}|[{}]", re.ASCII)


def filled(text: str, values: Mapping[str, Any], longest: float = math.inf) -> str:
    """The words with each {name} replaced by its value as text, and {{ and }} by single braces.

    Nothing else of Python's format strings is known, since the words may come from anyone's file:
    an attribute or an item would reach whatever the value leads to, and a width fill the memory.

    longest: how many characters the result may have

    Raises
        KeyError: if a name has no value.
        ValueError: if another brace stands in the words, or the result would be longer.
    """
    shown = {name: str(value) for name, value in values.items()}
    pieces, end = [], 0
    for found in _BRACES.finditer(text):
        doubled, name = found.groups()
        if not doubled and not name:
            raise ValueError(f"a brace that neither holds a name nor is doubled: {text[:200]!r}")
        pieces += [text[end : found.start()], doubled[0] if doubled else shown[name]]
        end = found.end()
    pieces.append(text[end:])
    if sum(map(len, pieces)) > longest:
        raise ValueError(f"a text of more than {longest} characters")
    return "".join(pieces)


class Message(str):  # noqa: SLOT000 - a text with slots has no other use
    """An English text that knows its words and the values that were put into them.

    To whoever says it in no other language it is the English text, and nothing more.

    text: the words, with {name} where a value stands
    values: text, other messages and numbers, by name
    """

    text: str
    values: dict[str, Any]

    def __new__(cls, text: str, /, **values: Any) -> Self:
        """Put the values into the words; raises as `filled` does."""
        message = super().__new__(cls, filled(text, values))
        message.text, message.values = text, values
        return message

    def parts(self) -> dict[str, Any]:
        """What a file holds of it; `message_of` reads it back."""
        return {"text": self.text, "values": self.values}


def message_of(value: dict[str, Any]) -> Any:
    """The message whose parts these are; any other mapping as it is.

    It is no message if its words are no text, a value has a name that is no identifier or there is
    none for one of the words' names, or it is longer than LONGEST.
    """
    if value.keys() != {"text", "values"}:
        return value
    text, values = value["text"], value["values"]
    if not isinstance(text, str) or not isinstance(values, dict):
        return value
    if not all(name.isidentifier() for name in values):
        return value
    try:
        filled(text, values, LONGEST)
    except (KeyError, ValueError):
        return value
    return Message(text, **values)


def joined(between: str, texts: Iterable[str]) -> Message:
    """Texts in a row, each of which may be a message; nothing is said in their place."""
    values = {f"_{place}": text for place, text in enumerate(texts)}
    return Message(between.join(f"{{{name}}}" for name in values), **values)


def clause(text: str) -> str:
    """A sentence without its stop, as it stands within another."""
    if isinstance(text, Message):
        return Message(text.text.rstrip("."), **text.values)
    return text.rstrip(".")


def replaced(text: Any, old: str, new: str) -> Any:
    """A text with one piece of what stands in it replaced."""
    if isinstance(text, Message):
        values = {name: replaced(value, old, new) for name, value in text.values.items()}
        return Message(text.text, **values)
    return text.replace(old, new) if isinstance(text, str) else text
