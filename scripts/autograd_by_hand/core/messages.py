"""A text for a reader that can be said in another language: its words, and what stands in them."""

from collections.abc import Iterable
from typing import Any, Self


class Message(str):  # noqa: SLOT000 - a text with slots has no other use
    """An English text that knows its words and the values that were put into them.

    To whoever says it in no other language it is the English text, and nothing more.

    text: the words, with {name} where a value stands
    values: text, other messages and numbers, by name
    """

    text: str
    values: dict[str, Any]

    def __new__(cls, text: str, **values: Any) -> Self:
        """Put the values into the words."""
        message = super().__new__(cls, text.format(**values))
        message.text, message.values = text, values
        return message

    def parts(self) -> dict[str, Any]:
        """What a file holds of it; `message_of` reads it back."""
        return {"text": self.text, "values": self.values}


def message_of(value: dict[str, Any]) -> Any:
    """The message whose parts these are; any other mapping as it is."""
    return (
        Message(value["text"], **value["values"]) if value.keys() == {"text", "values"} else value
    )


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
