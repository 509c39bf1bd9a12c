"""Render texts, tables and pictures from templates, in which every value must be defined.

A template's own words are English; {% trans %} and _() translate them into the language of the
report, and the filter `say` translates the messages that a stage wrote.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from traceback import extract_tb
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import Message, listed
from autograd_by_hand.core.number_format import number, percent
from autograd_by_hand.report.legend import legend
from autograd_by_hand.report.translation import ENGLISH, translate, translations

TEMPLATES = "templates"
ENDINGS = (".j2", ".md")  # of the project's templates, and of discussions


def render(
    template: str,
    values: Mapping[str, Any],
    folder: Path = Path(TEMPLATES),
    language: str = ENGLISH,
    own: Mapping[str, str] | None = None,
) -> str:
    """Render the template of that name in `folder` with `values`, in a language.

    own: the author's translations of their own texts, by the text

    Raises
        UserError: if the template cannot be parsed, or uses a value that does not exist.
    """
    environment = _environment(folder, language)
    say = partial(translate, language=language, own=own)
    environment.filters |= {
        "say": say,
        "listed": lambda items: listed(map(say, items), say(Message("and"))),
    }
    try:
        text: str = environment.get_template(template).render(values)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        place = _place_of(error) or folder / template
        raise UserError(f"{place}: the template cannot be filled: {error}.") from error
    return re.sub(r"\n{3,}", "\n\n", text) if template.endswith((".md", ".md.j2")) else text


def _place_of(error: Exception) -> str | None:
    """Return file and line of the innermost template that an error occurred in, or None."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = extract_tb(error.__traceback__)
    reached = [frame for frame in frames if frame.filename.endswith(ENDINGS)]
    return f"{reached[-1].filename}:{reached[-1].lineno}" if reached else None


@cache
def _environment(folder: Path, language: str) -> SandboxedEnvironment:
    """Return the environment that compiles the templates of a folder in a language."""
    environment = SandboxedEnvironment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=lambda name: bool(name and name.endswith((".svg.j2", ".html.j2"))),
        extensions=["jinja2.ext.i18n"],
    )
    environment.globals["legend"] = legend
    catalogue = translations(language)
    environment.install_gettext_translations(catalogue, newstyle=False)  # type: ignore[attr-defined]
    environment.filters |= {
        "number": number,
        "percent": lambda share, digits=1: translate(percent(share, digits), language),
    }
    environment.filters |= {"sentence": sentence, "cell": cell, "json": as_json}
    return environment


def sentence(text: str) -> str:
    """Make a clause a sentence, with a full stop and, unless it begins with a path, a capital."""
    first = text.split(" ", 1)[0]
    return (text[:1].upper() + text[1:] if first.isalpha() else text).rstrip(".") + "."


def cell(text: str) -> str:
    """Escape a text for the cell of a table, where a bar would begin another cell."""
    return text.replace("|", "\\|")


def as_json(value: Any, indent: int | None = 2) -> str:
    """Return JSON as in a manifest: keys in their order, floats that are read back exactly."""
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
