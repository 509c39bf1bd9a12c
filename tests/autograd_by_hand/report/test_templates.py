import json
import re

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import listed
from autograd_by_hand.report.templates import as_json, render
from tests.conftest import ROOT


def rendered(tmp_path, text, name="page.md", **values):
    (tmp_path / name).write_text(text)
    return render(name, values, tmp_path)


def refused(tmp_path, text, **values):
    """What is said of a template that cannot be filled, from behind its name on."""
    with pytest.raises(UserError) as error:
        rendered(tmp_path, text, **values)
    place = f"{tmp_path}/page.md"
    assert str(error.value).startswith(f"{place}:")
    return str(error.value).removeprefix(f"{place}:")


def test_a_template_is_filled_with_the_values(tmp_path):
    assert rendered(tmp_path, "{{ a }} and {{ b.c }}\n", a=1, b={"c": 2}) == "1 and 2\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{{ absent }}", "'absent' is undefined"),
        ("{{ here.absent }}", "'dict object' has no attribute 'absent'"),
        ("{% if absent %}{% endif %}", "'absent' is undefined"),
        ("{% for one in absent %}{% endfor %}", "'absent' is undefined"),
    ],
    ids=["a name", "a key", "a condition", "a loop"],
)
def test_a_value_that_is_not_there_is_refused_with_the_template_and_the_name(tmp_path, text, name):
    assert refused(tmp_path, text, here={}) == f"1: the template cannot be filled: {name}."


def test_a_template_that_does_not_parse_is_refused_with_its_line(tmp_path):
    assert refused(tmp_path, "one\ntwo {% if %}\n").startswith("2: the template cannot be filled: ")


@pytest.mark.parametrize("text", ["one\n{{ absent }}", "one\n{% if %}"])
def test_an_error_in_an_included_template_names_that_one(tmp_path, text):
    (tmp_path / "part.md.j2").write_text(text)
    with pytest.raises(UserError, match=r"/part\.md\.j2:2: the template cannot be filled: "):
        rendered(tmp_path, "{% include 'part.md.j2' %}")


def test_a_template_that_is_missing_is_refused_with_its_name(tmp_path):
    with pytest.raises(UserError, match=r"absent\.md: the template cannot be filled"):
        render("absent.md", {}, tmp_path)


@pytest.mark.parametrize(
    "text", ["{{ 'a' / 2 }}", "{{ 1 / 0 }}", "{{ [] | listed }}", "{{ 'a' | number }}"]
)
def test_a_template_that_computes_nonsense_is_refused(tmp_path, text):
    assert refused(tmp_path, text).startswith("1: the template cannot be filled: ")


def test_the_projects_templates_have_words_for_values_and_compute_none():
    computed = re.compile(r"namespace\(|\|\s*(max|min|sum|groupby|(select|reject)(attr)?)\b")
    templates = sorted((ROOT / "templates").rglob("*.j2"))
    assert len(templates) > 20
    assert [path.name for path in templates if computed.search(path.read_text())] == []


def test_a_template_cannot_reach_beyond_its_values(tmp_path):
    assert "unsafe" in refused(tmp_path, "{{ ''.__class__.__mro__ }}")


@pytest.mark.parametrize(
    ("name", "text"),
    [("page.svg.j2", "&lt;b&gt; &amp;"), ("page.html.j2", "&lt;b&gt; &amp;"), ("page.md", "<b> &")],
)
def test_markup_is_escaped_where_it_would_be_read_as_markup(tmp_path, name, text):
    assert rendered(tmp_path, "{{ value }}", name, value="<b> &") == text


def test_a_template_can_include_one_of_the_projects(tmp_path, monkeypatch):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "shared.md").write_text("shared")
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path)
    assert rendered(tmp_path / "own", "{% include 'shared.md' %}") == "shared"


def test_a_template_is_looked_for_in_the_projects_folder_unless_told_otherwise(
    tmp_path, monkeypatch
):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "shared.md").write_text("{{ a }}")
    monkeypatch.chdir(tmp_path)
    assert render("shared.md", {"a": 1}) == "1"


def test_lines_that_only_steer_leave_no_trace(tmp_path):
    text = "a\n  {% if true %}\nb\n  {% endif %}\nc\n"
    assert rendered(tmp_path, text) == "a\nb\nc\n"


@pytest.mark.parametrize("name", ["page.md", "page.md.j2"])
def test_markdown_keeps_at_most_one_empty_line_in_a_row(tmp_path, name):
    assert rendered(tmp_path, "a\n\n\n\n\nb\n\nc\n", name) == "a\n\nb\n\nc\n"


def test_other_files_keep_their_empty_lines(tmp_path):
    assert rendered(tmp_path, "a\n\n\n\nb\n", "page.svg.j2") == "a\n\n\n\nb\n"


def test_the_filters_are_there(tmp_path):
    text = "{{ 0.123456 | number(3) }}, {{ names | listed }}, {{ names | json(0) }}"
    assert rendered(tmp_path, text, names=["x", "y"]) == '0.123, x and y, [\n"x",\n"y"\n]'


@pytest.mark.parametrize(
    ("items", "text"),
    [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"), ([1, 2], "1 and 2")],
)
def test_items_are_listed_as_in_a_sentence(items, text):
    assert listed(items) == text


def test_the_last_word_of_a_list_can_be_another():
    assert listed(iter("abc"), "or") == "a, b or c"


@pytest.mark.parametrize(
    ("clause", "whole"),
    [
        ("a factor is wrong", "A factor is wrong."),
        ("nothing is left.", "Nothing is left."),
        ("backward.py:2: NameError", "backward.py:2: NameError."),
        ("0.5 is missing", "0.5 is missing."),
    ],
)
def test_a_clause_is_made_a_sentence_but_a_path_keeps_its_letters(tmp_path, clause, whole):
    assert rendered(tmp_path, "{{ clause | sentence }}", clause=clause) == whole


def test_a_bar_in_a_tables_cell_is_no_column(tmp_path):
    assert rendered(tmp_path, "{{ value | cell }}", value="a | b|c") == "a \\| b\\|c"


def test_json_reads_back_exactly_with_its_keys_in_order():
    value = {"b": 0.1 + 0.2, "a": "é"}
    text = as_json(value)
    assert json.loads(text) == value
    assert text.index('"b"') < text.index('"a"')
    assert "é" in text


def test_what_json_has_no_number_for_is_an_error():
    with pytest.raises(ValueError):
        as_json({"a": float("nan")})
