"""Translate the project's English texts into the language of a report, by its catalogue."""

from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from autograd_by_hand.core.messages import Message, filled

ENGLISH = "en"
NAMES = {"en": "English", "es": "Español"}
CATALOGUES = Path("templates/locale")


@cache
def translations(language: str) -> NullTranslations:
    """Return the translations of a language from its catalogue; English needs none."""
    if language == ENGLISH:
        return NullTranslations()
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def translate(text: Any, language: str, own: Mapping[str, str] | None = None) -> Any:
    """Translate a text and the values in it; anything that is not a text is returned unchanged.

    own: translations that take precedence over the catalogue, by the text
    """
    if isinstance(text, Message):
        values = {name: translate(value, language, own) for name, value in text.values.items()}
        return filled(translations(language).gettext(text.text), values)
    if not isinstance(text, str) or not text:
        return text
    return (own or {}).get(text) or translations(language).gettext(text)
