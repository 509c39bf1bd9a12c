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
from autograd_by_hand.report.translation import (
    CATALOGUES,
    MISTAKE,
    NAMES,
    explained,
    said,
    translations,
)
from tests.conftest import ROOT

LANGUAGES = [path.stem for path in sorted((ROOT / CATALOGUES).glob("*.po"))]
MISTAKES = [
    "scripts/name_mistakes.py",
    "scripts/autograd_by_hand/diagnosis/trial.py",
    "scripts/autograd_by_hand/diagnosis/lower_precision.py",
    "scripts/autograd_by_hand/diagnosis/forward_edits.py",
    "scripts/autograd_by_hand/diagnosis/value_patterns.py",
    "scripts/autograd_by_hand/diagnosis/mistakes_terms.py",
    "scripts/autograd_by_hand/diagnosis/mistakes_recomputation.py",
    "scripts/autograd_by_hand/diagnosis/mistakes_derivatives.py",
    "scripts/autograd_by_hand/diagnosis/mistakes_products.py",
    "scripts/autograd_by_hand/diagnosis/mistakes_cotangents.py",
    "scripts/autograd_by_hand/diagnosis/mistakes_sums.py",
    "scripts/autograd_by_hand/diagnosis/mistakes_constants.py",
    "scripts/autograd_by_hand/diagnosis/layouts.py",
    "scripts/autograd_by_hand/diagnosis/factor_names.py",
    "scripts/autograd_by_hand/diagnosis/error_patterns.py",
    "scripts/autograd_by_hand/diagnosis/backward_sites.py",
    "scripts/autograd_by_hand/diagnosis/backward_search.py",
    "scripts/autograd_by_hand/diagnosis/repairs_expressions.py",
    "scripts/autograd_by_hand/diagnosis/repairs_constants.py",
    "scripts/autograd_by_hand/diagnosis/repairs_operations.py",
    "scripts/autograd_by_hand/diagnosis/repairs_operands.py",
    "scripts/autograd_by_hand/diagnosis/value_relations.py",
    "scripts/autograd_by_hand/diagnosis/repair.py",
]
JOINTS = ("; or ", ", and ", " twice", "line ")
UNSEEN = {"same bits", "other sum"}  # what a call shows, and a kind of mistake: in no name
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
    """By the text, of a plural the first; without the patterns of mistakes."""
    return {_first(one.id): one for one in catalogue(language) if one.id and not one.context}


def patterns(language: str) -> list[str]:
    """Those of mistakes, in their order."""
    return [str(entry.id) for entry in catalogue(language) if entry.context == MISTAKE]


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
    """The words of every message that a module makes."""
    for path in sorted((ROOT / "scripts").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or path == UNSAID:
                continue
            if isinstance(node.func, ast.Name) and node.func.id == "Message":
                words = node.args[0]
                assert isinstance(words, ast.Constant), f"{path}:{node.lineno}: write the words"
                yield str(words.value)


def pieces_of_mistakes() -> set[str]:
    """The pieces of two words or more that the modules of mistakes make names and evidence of."""
    pieces = set()
    for module in MISTAKES:
        tree = ast.parse((ROOT / module).read_text())
        raised = {
            id(one)
            for node in ast.walk(tree)
            if isinstance(node, ast.Raise)
            for one in ast.walk(node)
        }
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                piece = node.value if node.value in JOINTS else node.value.strip(" `:;,()")
                piece = re.sub(r"`[^`]+(`|$)", "`z`", piece)  # code is no words
                spoken = node.value in JOINTS or re.search(r"[a-z]+ [a-z]+", piece)
                if spoken and id(node) not in raised | docstrings:
                    pieces.add(piece)
    return pieces - UNSEEN


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|\{\w+\}", text))


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_piece_of_a_mistake_is_in_a_pattern_and_no_pattern_is_left_over(
    language: str,
) -> None:
    pieces = pieces_of_mistakes()
    known = [re.sub(r"\{\w+\}", "z", pattern) for pattern in patterns(language)]
    unsaid = [
        piece
        for piece in pieces
        if not any(piece in pattern for pattern in known) and explained(piece, language) == piece
    ]
    assert unsaid == []
    left = [one for one in known if not any(piece in one or one in piece for piece in pieces)]
    assert left == []


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("the sign is wrong", "el signo está equivocado"),
        ("`W` is transposed in the gradient of `x` through `x @ W.T`", "`W` está transpuesto en el gradiente de `x` a través de `x @ W.T`"),
        ("`b` is left out of `y` where backward computes it again", "en `y` falta `b` donde backward lo calcula de nuevo"),
        ("`1 - y * y` stands in the place of the derivative of tanh in the gradient of `h`", "`1 - y * y` está en el lugar de la derivada de tanh en el gradiente de `h`"),
        ("it is divided by 5, the length of axis 0 of x, and not by 7, the rows of W", "se divide por 5, la longitud del eje 0 de x, y no por 7, las filas de W"),
        ("the gradient of `b` is not summed over axes [0], along which it was broadcast: the first is taken", "el gradiente de `b` no se suma sobre los ejes [0], a lo largo de los cuales se repitió: se toma el primero"),
        ("a second call on the same inputs gave twice the first", "una segunda llamada con las mismas entradas dio el doble de la primera vez"),
        (Message("no known mistake gives these values"), "ningún fallo conocido da estos valores"),
        ("nothing that is known", "nothing that is known"),
    ],
)  # fmt: skip
def test_a_mistake_is_explained_though_it_was_put_together(english: str, spanish: str) -> None:
    assert explained(english, "es") == spanish
    assert explained(english, "en") == english


def test_a_message_is_said_with_what_stands_in_it() -> None:
    order = Message("{order}, the bias last", order=Message("one after another"))
    assert said(order, "en") == "one after another, the bias last"
    assert said(order, "es") == "uno tras otro, y el sesgo al final"
    assert said(joined("; ", ["dx", order]), "es") == "dx; uno tras otro, y el sesgo al final"


@pytest.mark.parametrize("value", [None, 3, "", ["right"], "no text of ours"])
def test_what_is_no_text_of_ours_stays_as_it_is(value: object) -> None:
    assert said(value, "es") == value


def test_the_authors_translation_goes_before_the_catalogues() -> None:
    own = {"right": "exacto"}
    assert said("right", "es") == "correcto"
    assert said("right", "es", own) == "exacto"
    assert said(Message("in float64 {told}", told="right"), "es", own) == "en float64 exacto"


def test_a_plural_is_chosen_by_its_number() -> None:
    one = "Autograd walks %(nodes)s nodes, from the result down to %(count)s leaf"
    many = one.replace("leaf", "leaves")
    chosen = [translations("es").ngettext(one, many, count).split()[-1] for count in (1, 2)]
    assert chosen == ["hoja", "hojas"]
    assert translations("en").ngettext(one, many, 2) == many
