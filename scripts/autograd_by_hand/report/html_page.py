"""Convert a Markdown text into one self-contained HTML file, with its formulas and pictures.

Markdown is CommonMark with tables, and with LaTeX as on GitHub: $...$, $$...$$ and ```math. HTML in
the text is shown as text. A link leads to the web, to a mail address or to a file beside the page,
and the page can neither execute nor load anything. A link to the report in another language leads
to the page in that language.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from autograd_by_hand.report.mathml import mathml
from autograd_by_hand.report.templates import render
from autograd_by_hand.report.translation import ENGLISH

_SAFE_LINK = re.compile(r"(https?://|mailto:|[^:]*$|[^:/?#]*[/?#])", re.IGNORECASE)
_EDITION = re.compile(r"REPORT(\.[a-z]+)?\.md")
_STYLE = re.compile(r"<style>.*?</style>\n?", re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)


@dataclass(frozen=True)
class Heading:
    """A heading in the table of contents: its level (2 or 3), the id to link to, its plain text."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True)
class Content:
    """A text as HTML.

    title: the heading of level 1, as plain text
    lead: the part from the top to the end of the first section
    rest: the other sections
    headings: those of levels 2 and 3, in order
    """

    title: str
    lead: str
    rest: str
    headings: list[Heading]


def page(markdown: str, figures: dict[str, str], outcome: str = "", language: str = ENGLISH) -> str:
    """Return the whole HTML file.

    figures: the SVG of each picture by its path in the text; any other picture becomes a link
    outcome: the verdict, which determines the style of the first lines
    language: of the text

    Raises
        NotShowable: if a formula has no MathML.
    """
    css = render("page.css.j2", {})
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    content = content_of(markdown, figures)
    values = {"content": content, "css": css, "digest": digest, "outcome": outcome}
    return render("page.html.j2", values | {"language": language}, language=language)


def content_of(markdown: str, figures: dict[str, str]) -> Content:
    """Convert the parts of a text to HTML; arguments and exceptions are those of `page`."""
    parser = _parser()
    tokens = parser.parse(markdown)
    _mark_pictures(tokens, figures)
    _mark_first_lines(tokens)
    _lead_to_pages(tokens)
    sections = [
        index
        for index, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h2"
    ]
    end = sections[1] if len(sections) > 1 else len(tokens)
    headings = [
        (token, _plain(inline))
        for token, inline in pairwise(tokens)
        if token.type == "heading_open"
    ]

    def html(part: list[Token]) -> str:
        return str(parser.renderer.render(part, parser.options, {}))

    return Content(
        title=next((text for token, text in headings if token.tag == "h1"), ""),
        lead=html(tokens[:end]),
        rest=html(tokens[end:]),
        headings=[
            Heading(int(token.tag[1]), str(token.attrs["id"]), text)
            for token, text in headings
            if token.tag in ("h2", "h3")
        ],
    )


def formulas(markdown: str) -> list[str]:
    """Return the LaTeX of every formula in a text, in order."""
    tokens = _parser().parse(markdown)
    each = [one for token in tokens for one in (token, *(token.children or ()))]
    return [one.content for one in each if one.type.startswith("math") or _is_math(one)]


class _Renderer(RendererHTML):
    """Converts tokens to HTML, with a method for each type that needs special treatment."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Render a block of code, or of LaTeX."""
        if _is_math(tokens[idx]):
            return f'<div class="math block">{mathml(tokens[idx].content, block=True)}</div>\n'
        return super().fence(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        """Render a picture of the report in place, and any other picture as a link."""
        if svg := tokens[idx].meta.get("svg"):
            return _figure(svg)
        words = escapeHtml(tokens[idx].content)
        return f'<a href="{escapeHtml(str(tokens[idx].attrs["src"]))}">{words}</a>'

    def table_open(self, *_: Any) -> str:
        """Begin a table in a box of its own, which scrolls if the table is wider than the page."""
        return '<div class="table" tabindex="0"><table>\n'

    def table_close(self, *_: Any) -> str:
        """End the table and its box."""
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Begin a cell, aligned by a class, since the page's policy forbids inline styles."""
        style = str(tokens[idx].attrs.pop("style", ""))  # "text-align:right"
        if style:
            tokens[idx].attrs["class"] = style.partition(":")[2]
        return self.renderToken(tokens, idx, options, env)

    td_open = th_open


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    parser.use(
        anchors_plugin, max_level=3, permalink=True, permalinkSymbol="#", permalinkSpace=False
    )
    parser.use(
        dollarmath_plugin,
        allow_digits=False,
        allow_space=False,
        allow_labels=False,
        renderer=lambda formula, how: mathml(formula, block=how["display_mode"]),
    )
    parser.validateLink = lambda url: bool(_SAFE_LINK.match(url))  # type: ignore[method-assign]
    return parser


def _is_math(token: Token) -> bool:
    return token.type == "fence" and token.info.strip() == "math"


def _mark_pictures(tokens: list[Token], figures: dict[str, str]) -> None:
    """Turn a paragraph that consists of one picture of the report into a figure."""
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        children = token.children or []
        alone = before.type == "paragraph_open" and [one.type for one in children] == ["image"]
        if alone and (svg := figures.get(str(children[0].attrs["src"]))):
            children[0].meta["svg"] = svg
            before.hidden = after.hidden = True


def _mark_first_lines(tokens: list[Token]) -> None:
    """Give the paragraphs above the first section their classes.

    Those above the title link to other languages, the first below it is the question, and the
    others are the answer.
    """
    kind = "languages"
    for token in tokens:
        if token.type == "heading_open" and token.tag == "h1":
            kind = "question"
        if token.type == "heading_open" and token.tag == "h2":
            return
        if token.type == "paragraph_open":
            token.attrs["class"] = kind
            kind = "answer" if kind == "question" else kind


def _lead_to_pages(tokens: list[Token]) -> None:
    """Make links to the report in another language lead to its HTML page."""
    for token in (child for one in tokens for child in one.children or []):
        if token.type == "link_open" and _EDITION.fullmatch(str(token.attrs["href"])):
            token.attrs["href"] = str(token.attrs["href"]).removesuffix("md") + "html"


def _plain(inline: Token) -> str:
    shown = ("text", "code_inline", "math_inline")
    return "".join(one.content for one in inline.children or [] if one.type in shown)


def _figure(svg: str) -> str:
    """Render a picture with its title as the caption; the page contains its style once."""
    caption = _TITLE.search(svg)
    words = caption[1] if caption else ""
    picture = _STYLE.sub("", svg)
    return (
        f'<figure><figcaption>{words}</figcaption><div class="picture" tabindex="0">\n'
        f"{picture}</div></figure>\n"
    )
