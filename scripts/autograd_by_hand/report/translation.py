"""Say the project's English texts in the language of a report, from its catalogue."""

import re
from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from autograd_by_hand.core.messages import Message, filled

ENGLISH = "en"
NAMES = {"en": "English", "es": "Español"}
MISTAKE = "mistake"  # the context of their names and evidence in a catalogue
CATALOGUES = Path("templates/locale")


@cache
def translations(language: str) -> NullTranslations:
    """What the catalogue of a language has for each English text; for English the text itself."""
    if language == ENGLISH:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, _catalogue(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def _catalogue(language: str) -> Catalog:
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        return read_po(file)


def said(text: Any, language: str, own: Mapping[str, str] | None = None) -> Any:
    """A text in a language, with the values that stand in it; what is no text stays as it is.

    own: translations that go before the catalogue's, by the text
    """
    if isinstance(text, Message):
        values = {name: said(value, language, own) for name, value in text.values.items()}
        return filled(translations(language).gettext(text.text), values)
    if not isinstance(text, str) or not text:
        return text
    return (own or {}).get(text) or translations(language).gettext(text)


def explained(text: str, language: str) -> str:
    """A mistake or its evidence in a language.

    Its words are put together piece by piece where it is found. So they are taken apart again: the
    catalogue has patterns for them, and what stands in one is explained in its turn.
    """
    if isinstance(text, Message) or language == ENGLISH:
        return str(said(text, language))
    for pattern, words in _patterns(language):
        if found := pattern.fullmatch(text):
            values = found.groupdict().items()
            return words.format(**{name: explained(value, language) for name, value in values})
    return str(said(text, language))


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Each pattern of a mistake, in the catalogue's order, and its translation."""
    entries = [entry for entry in _catalogue(language) if entry.context == MISTAKE]
    return [(_pattern(str(entry.id)), str(entry.string)) for entry in entries]


def _pattern(text: str) -> re.Pattern[str]:
    """What matches a text with anything in its {places}, and code alone in those within `...`."""
    code = re.sub(r"`\\\{(\w+)\\\}`", r"`(?P<\1>[^`]+)`", re.escape(text))
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", code))
