"""Make of a Markdown text one HTML file that needs no other: formulas and pictures are in it.

Markdown is CommonMark with tables, and LaTeX as GitHub reads it: $...$, $$...$$ and ```math. HTML
in the text is shown and not obeyed, a link leads to the web, to a mail address or to a file beside
the page, and the page itself may neither run nor load anything. A link from one language of the
report to another leads from page to page.
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
    """A heading that the table of contents names: level 2 or 3, the id to link to, plain text."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True)
class Content:
    """A text as HTML.

    title: the heading of level 1, plain
    lead: from the top to the end of the first section
    rest: the other sections
    headings: those of the sections, in order
    """

    title: str
    lead: str
    rest: str
    headings: list[Heading]


def page(markdown: str, figures: dict[str, str], outcome: str = "", language: str = ENGLISH) -> str:
    """The whole HTML file.

    figures: SVG by the path that the text has for it; any other picture becomes a link
    outcome: the verdict, for the look of the first lines
    language: that of the text

    Raises
        NotShowable: if a formula has no MathML.
    """
    css = render("page.css.j2", {})
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    content = content_of(markdown, figures)
    values = {"content": content, "css": css, "digest": digest, "outcome": outcome}
    return render("page.html.j2", values | {"language": language}, language=language)


def content_of(markdown: str, figures: dict[str, str]) -> Content:
    """The text's parts as HTML; arguments and exceptions are those of `page`."""
    parser = _parser()
    tokens = parser.parse(markdown)
    _mark_pictures(tokens, figures)
    _mark_first_lines(tokens)
    _lead_to_pages(tokens)
    sections = [
        place
        for place, token in enumerate(tokens)
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
    """The LaTeX of every formula of a text, in order."""
    tokens = _parser().parse(markdown)
    each = [one for token in tokens for one in (token, *(token.children or ()))]
    return [one.content for one in each if one.type.startswith("math") or _is_math(one)]


class _Renderer(RendererHTML):
    """How tokens that a page shows otherwise than others become HTML: a method for each type."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A block of code, or of LaTeX."""
        if _is_math(tokens[idx]):
            return f'<div class="math block">{mathml(tokens[idx].content, block=True)}</div>\n'
        return super().fence(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        """A picture of ours in place; another is not in the page, and becomes a link."""
        if svg := tokens[idx].meta.get("svg"):
            return _figure(svg)
        words = escapeHtml(tokens[idx].content)
        return f'<a href="{escapeHtml(str(tokens[idx].attrs["src"]))}">{words}</a>'

    def table_open(self, *_: Any) -> str:
        """A table in a box of its own, which scrolls where the table is wider than the page."""
        return '<div class="table" tabindex="0"><table>\n'

    def table_close(self, *_: Any) -> str:
        """The end of both."""
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A cell, aligned by a class: the page's policy forbids styles in elements."""
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
    """A picture of ours that has a paragraph to itself becomes a figure and no paragraph."""
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        children = token.children or []
        alone = before.type == "paragraph_open" and [one.type for one in children] == ["image"]
        if alone and (svg := figures.get(str(children[0].attrs["src"]))):
            children[0].meta["svg"] = svg
            before.hidden = after.hidden = True


def _mark_first_lines(tokens: list[Token]) -> None:
    """Above the first section the paragraph below the title is the question, then comes the answer.

    What stands above the title leads to other languages.
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
    """A link to the report in another language leads to its page."""
    for token in (child for one in tokens for child in one.children or []):
        if token.type == "link_open" and _EDITION.fullmatch(str(token.attrs["href"])):
            token.attrs["href"] = str(token.attrs["href"]).removesuffix("md") + "html"


def _plain(inline: Token) -> str:
    shown = ("text", "code_inline", "math_inline")
    return "".join(one.content for one in inline.children or [] if one.type in shown)


def _figure(svg: str) -> str:
    """A picture with its title as the caption; its style is the page's own, told once."""
    caption = _TITLE.search(svg)
    words = caption[1] if caption else ""
    picture = _STYLE.sub("", svg)
    return (
        f'<figure><figcaption>{words}</figcaption><div class="picture" tabindex="0">\n'
        f"{picture}</div></figure>\n"
    )
