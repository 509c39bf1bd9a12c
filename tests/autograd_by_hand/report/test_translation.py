"""The catalogues hold what the project says, all of it and nothing else."""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import read_po
from jinja2 import Environment

from autograd_by_hand.core.messages import Message, joined
from autograd_by_hand.diagnosis.factor_names import name_of
from autograd_by_hand.diagnosis.formulas import written
from autograd_by_hand.diagnosis.forward_edits import again
from autograd_by_hand.diagnosis.layouts import reversed_along
from autograd_by_hand.report.translation import (
    CATALOGUES,
    NAMES,
    translate,
    translations,
)
from tests.conftest import ROOT

LANGUAGES = [path.stem for path in sorted((ROOT / CATALOGUES).glob("*.po"))]
UNSAID = (
    ROOT / "scripts/autograd_by_hand/core/messages.py"
)  # it makes messages of other words than its own


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@cache
def catalogue(language: str) -> Catalog:
    with (ROOT / CATALOGUES / f"{language}.po").open("rb") as file:
        return read_po(file)


def entries(language: str) -> dict[str, Entry]:
    """By the text, of a plural the first."""
    return {_first(one.id): one for one in catalogue(language) if one.id}


def _first(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else text[0]


def translated(entry: Entry) -> list[str]:
    """The translation, of a plural all of it."""
    return [entry.string] if isinstance(entry.string, str) else list(entry.string or ())


def of_templates(folder: Path = ROOT / "templates") -> Iterator[str]:
    """What the templates say, of a plural the singular."""
    environment = Environment(  # noqa: S701 - it only parses
        extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True
    )
    for path in sorted(folder.rglob("*.j2")):
        for _, _, text in environment.extract_translations(path.read_text()):  # type: ignore[attr-defined]
            yield text if isinstance(text, str) else str(text[0])


def of_modules() -> Iterator[str]:
    """The words of every message that a module makes, `partial(Message, ...)` included."""
    for path in sorted((ROOT / "scripts").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or path == UNSAID:
                continue
            called = [*map(_name, [node.func, *node.args[:1]])]
            if called[0] == "Message" or called == ["partial", "Message"]:
                words = node.args[called.index("Message")]
                assert isinstance(words, ast.Constant), f"{path}:{node.lineno}: write the words"
                yield str(words.value)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def placeholders(text: str) -> list[str]:
    return sorted({*re.findall(r"%\(\w+\)s|\{\w+\}", text)})


def test_every_language_of_the_schema_has_a_name_and_a_catalogue_but_english() -> None:
    assert set(NAMES) == {"en", *LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_no_translation_is_left_over(language: str) -> None:
    assert set(entries(language)) == {*of_templates(), *of_modules()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_empty_or_doubtful(language: str) -> None:
    for entry in entries(language).values():
        assert all(text.strip() for text in translated(entry)), entry.id
        assert not entry.fuzzy, entry.id
        assert len(translated(entry)) == (
            1 if isinstance(entry.id, str) else catalogue(language).num_plurals
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_the_text(language: str) -> None:
    for entry in entries(language).values():
        singular, plural = (entry.id,) * 2 if isinstance(entry.id, str) else entry.id
        for number, text in enumerate(translated(entry)):
            assert placeholders(text) == placeholders(plural if number else singular), entry.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_begins_and_ends_with_the_blanks_of_the_text(language: str) -> None:
    for text, entry in entries(language).items():
        for other in translated(entry):
            assert (text[0] == " ", text[-1] == " ") == (other[0] == " ", other[-1] == " ")


@pytest.mark.parametrize(
    ("message", "english", "spanish"),
    [
        (name_of(-1.0, {}), "the sign is wrong", "el signo está equivocado"),
        (
            name_of(-6.0, {"x": [6]}),
            "it is a sum instead of a mean: it is not divided by 6, the length of axis 0 of x, and the sign is wrong",
            "es una suma en lugar de una media: no se divide por 6, la longitud del eje 0 de x, y el signo está equivocado",
        ),
        (
            again(Message("`{a}` is left out of `{b}`", a="b", b="y")),
            "`b` is left out of `y` where backward computes it again",
            "en `y` falta `b` donde backward lo calcula de nuevo",
        ),
        (
            Message("`{a}` {what}", a="h", what=reversed_along(1).words),
            "`h` is reversed along axis 1",
            "`h` está invertido a lo largo del eje 1",
        ),
        (
            Message(
                "`{a}` is used instead of {what}",
                a=written("silu'(z)", "x"),
                what=Message("the derivative of {function} in the gradient of `{b}`", function="tanh", b="y"),
            ),
            "`the derivative of silu at x` is used instead of the derivative of tanh in the gradient of `y`",
            "se usa `la derivada de silu en x` en lugar de la derivada de tanh en el gradiente de `y`",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_what_it_is_put_together_of(
    message: Message, english: str, spanish: str
) -> None:
    assert translate(message, "en") == english
    assert translate(message, "es") == spanish


def test_a_message_is_said_with_what_stands_in_it() -> None:
    order = Message("{order}, the bias last", order=Message("one after another"))
    assert translate(order, "en") == "one after another, the bias last"
    assert translate(order, "es") == "uno tras otro, y el sesgo al final"
    assert translate(joined("; ", ["dx", order]), "es") == "dx; uno tras otro, y el sesgo al final"


@pytest.mark.parametrize("value", [None, 3, "", ["right"], "no text of ours"])
def test_what_is_no_text_of_ours_stays_as_it_is(value: object) -> None:
    assert translate(value, "es") == value


def test_the_authors_translation_goes_before_the_catalogues() -> None:
    own = {"right": "exacto"}
    assert translate("right", "es") == "correcto"
    assert translate("right", "es", own) == "exacto"
    assert translate(Message("in float64 {told}", told="right"), "es", own) == "en float64 exacto"


def test_a_plural_is_chosen_by_its_number() -> None:
    one = "Autograd walks %(nodes)s nodes, from the result down to %(count)s leaf"
    many = one.replace("leaf", "leaves")
    chosen = [translations("es").ngettext(one, many, count).split()[-1] for count in (1, 2)]
    assert chosen == ["hoja", "hojas"]
    assert translations("en").ngettext(one, many, 2) == many
