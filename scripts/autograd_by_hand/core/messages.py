"""Texts for a reader that can be translated, since their words are kept apart from the values."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

LONGEST = 10**6  # characters of a message that a file holds; messages within messages double
_BRACES = re.compile(r"(\{\{|\}\})|\{([A-Za-z_]\w*)\}|[{}]", re.ASCII)


def filled(text: str, values: Mapping[str, Any], longest: float = math.inf) -> str:
    """The text with each {name} replaced by its value, and {{ and }} by single braces.

    No other feature of Python's format strings is supported, since the text may come from an
    untrusted file: an attribute or item access would expose the objects behind a value, and a
    field's width could fill the memory.

    longest: how many characters the result may have

    Raises
        KeyError: if a name has no value.
        ValueError: if the text has any other brace, or if the result would be too long.
    """
    shown = {name: str(value) for name, value in values.items()}
    pieces, end = [], 0
    for found in _BRACES.finditer(text):
        doubled, name = found.groups()
        if not doubled and not name:
            raise ValueError(f"a brace is neither doubled nor around a name: {text[:200]!r}")
        pieces += [text[end : found.start()], doubled[0] if doubled else shown[name]]
        end = found.end()
    pieces.append(text[end:])
    if sum(map(len, pieces)) > longest:
        raise ValueError(f"a text of more than {longest} characters")
    return "".join(pieces)


class Message(str):  # noqa: SLOT000 - a text with slots has no other use
    """An English text that remembers the template and the values that it was made from.

    It can be translated by way of its template. In all other respects it is the English text.

    text: the template, with {name} in place of each value
    values: texts, other messages and numbers, by name
    """

    text: str
    values: dict[str, Any]

    def __new__(cls, text: str, /, **values: Any) -> Self:
        """Put the values into the template; raises as `filled` does."""
        message = super().__new__(cls, filled(text, values))
        message.text, message.values = text, values
        return message

    def parts(self) -> dict[str, Any]:
        """The mapping that represents it in a JSON file; `message_of` reads it back."""
        return {"text": self.text, "values": self.values}


def message_of(value: dict[str, Any]) -> Any:
    """The message whose parts these are; any other mapping is returned unchanged.

    A mapping is not a message if its template is not text, the name of a value is not an
    identifier, a name in the template has no value, or the message would be longer than LONGEST.
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
    """The texts with `between` between them, as a message; each may be a message and stays one."""
    values = {f"_{index}": text for index, text in enumerate(texts)}
    return Message(between.join(f"{{{name}}}" for name in values), **values)


def listed(items: Iterable[Any], last: str = "and") -> str:
    """Join items as in "a, b and c"."""
    *front, back = [str(item) for item in items]
    return f"{', '.join(front)} {last} {back}" if front else back


def clause(text: str) -> str:
    """A sentence without its full stop, for use within another sentence."""
    if isinstance(text, Message):
        return Message(text.text.rstrip("."), **text.values)
    return text.rstrip(".")


def replaced(text: Any, old: str, new: str) -> Any:
    """A text or message with `old` replaced by `new`; in a message, only within its values."""
    if isinstance(text, Message):
        values = {name: replaced(value, old, new) for name, value in text.values.items()}
        return Message(text.text, **values)
    return text.replace(old, new) if isinstance(text, str) else text
