import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.report.html_page import content_of, formulas, page
from autograd_by_hand.report.mathml import NotShowable

SVG = '<svg role="img"><title id="a-title">What was found</title><style>text{fill:red}</style><text>1</text></svg>'
TEXT = """\
# A title with `code`

The question?

**Right.** The answer.

## First

Text.

## Second $x$

### Third

## First
"""


def html(markdown: str, **figures: str) -> str:
    content = content_of(markdown, {f"{name}.svg": svg for name, svg in figures.items()})
    return content.lead + content.rest


def test_the_first_section_is_part_of_the_lead_and_the_others_are_the_rest():
    content = content_of(TEXT, {})
    assert content.title == "A title with code"
    assert "The answer." in content.lead
    assert "Text." in content.lead
    assert "Second" in content.rest
    assert "Second" not in content.lead


def test_the_question_and_the_answer_are_marked():
    lead = content_of(TEXT, {}).lead
    assert '<p class="question">The question?</p>' in lead
    assert '<p class="answer"><strong>Right.</strong> The answer.</p>' in lead
    assert "<p>Text.</p>" in lead


def test_each_heading_has_an_anchor_of_its_own_and_a_line_in_the_contents():
    content = content_of(TEXT, {})
    told = [(heading.level, heading.anchor, heading.text) for heading in content.headings]
    assert told == [
        (2, "first", "First"),
        (2, "second-", "Second x"),
        (3, "third", "Third"),
        (2, "first-1", "First"),
    ]
    whole = page(TEXT, {})
    for _, anchor, text in told:
        assert whole.count(f'id="{anchor}"') == 1
        assert f'<a href="#{anchor}">{text}</a>' in whole


def test_a_text_without_sections_is_all_lead():
    assert content_of("# T\n\nText.\n", {}).rest == ""
    assert "<nav" not in page("# T\n\nText.\n", {})


@pytest.mark.parametrize("formula", ["$x^2$", "$$x^2$$", "```math\nx^2\n```"])
def test_formulas_as_github_reads_them_become_mathml(formula):
    assert "<msup>" in html(f"So:\n\n{formula}\n")


def test_dollars_of_money_are_no_formula():
    assert "<math" not in html("It costs 5$ or $6, not $ 7 $.")


def test_every_formula_is_found():
    assert formulas("$a$ and $b$\n\n$$c$$\n\n```math\nd\n```\n\n```text\n$e$\n```\n") == ["a", "b", "c", "d\n"]  # fmt: skip


def test_an_unknown_macro_is_refused():
    with pytest.raises(NotShowable):
        html(r"$\foo$")


def test_html_in_the_text_is_shown_and_not_obeyed():
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html("<script>alert(1)</script>\n")
    assert "&lt;b onclick" in html("a <b onclick=x>b</b>\n")


@pytest.mark.parametrize("link", ["https://a.org/x:y", "http://a.org", "mailto:a@b.org", "#first", "errors.csv", "../a/b.md?q=1:2"])  # fmt: skip
def test_links_to_the_web_to_mail_and_to_files_beside_are_links(link):
    assert f'<a href="{link}">' in html(f"[a]({link})")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "java&#115;cript:x", "&#x6A;avascript:x"])  # fmt: skip
@pytest.mark.parametrize("form", ["[a]({})", "![a]({})", "<{}>", "[a]: {}\n\n[a]"])
def test_other_schemes_are_no_links(link, form):
    assert "href" not in html(form.format(link))


def test_a_picture_of_ours_is_in_the_page_with_its_title_as_the_caption():
    text = html("Look:\n\n![words](one.svg)\n", one=SVG)
    assert "<figcaption>What was found</figcaption>" in text
    assert "<text>1</text></svg></div></figure>" in text
    assert "<style" not in text
    assert "<p><figure" not in text


def test_any_other_picture_is_a_link():
    assert '<a href="mine.png">w &amp; v</a>' in html("![w & v](mine.png)")
    assert '<a href="one.svg">in</a>' in html("a picture ![in](one.svg) a line", one=SVG)
    assert "<img" not in html("![w](mine.png) ![v](https://a.org/x.png)")


def test_a_table_scrolls_in_a_box_of_its_own():
    text = html("| a | b |\n|---|--:|\n| 1 | 2 |\n")
    assert '<div class="table" tabindex="0"><table>' in text
    assert "</table></div>" in text
    assert '<td class="right">2</td>' in text
    assert "style=" not in text


def test_the_policy_allows_the_pages_own_style_and_nothing_else():
    text = page(TEXT, {})
    css = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert css
    digest = base64.b64encode(hashlib.sha256(css[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'http-equiv="Content-Security-Policy" content="{policy}"' in text


def test_the_outcome_colours_the_first_lines():
    assert '<header class="lead wrong">' in page(TEXT, {}, "wrong")


class Tags(HTMLParser):
    """Every tag of a page and every name of an attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


PIECES = ["<img src=x onerror=y>", "[a](", "javascript:x", ")", "`", "|", "\n", "\n\n", "<svg>", "![", "](x)", "# ", "> ", "a", "&lt;", '"', "'", "\\"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_whatever_an_author_writes_nothing_in_it_is_active(markdown):
    seen = Tags(html(markdown))
    assert not seen.tags & {"script", "img", "svg", "iframe", "object", "style", "link", "form"}
    assert not any(name.startswith("on") or name in ("style", "src") for name in seen.attributes)
