"""The pages of the experiments in a real browser: self-contained, readable, at every width."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograd_by_hand.report.html_page import formulas
from autograd_by_hand.report.html_page import page as page_of
from autograd_by_hand.verdict.judge import OUTCOMES
from tests.browser import CHROMIUM, Browser, running_browser
from tests.pages import REPORTS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed here")
DESK, PHONE = (1280, 900), (390, 844)

every_page = pytest.mark.parametrize("page", [*REPORTS, "index.html"], indirect=True)
every_report = pytest.mark.parametrize("page", REPORTS, indirect=True)
every_scheme = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def page(pages: Path, request: pytest.FixtureRequest) -> Path:
    return pages.joinpath(request.param)


@every_page
@every_scheme
def test_a_page_loads_nothing_but_itself_and_says_nothing_in_the_console(
    browser: Browser, page: Path, scheme: str
) -> None:
    browser.open(page, *DESK, scheme)
    assert browser.requests() == [page.as_uri()]
    assert browser.complaints() == []


@every_page
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_page_is_wider_than_its_window(
    browser: Browser, page: Path, size: tuple[int, int]
) -> None:
    browser.open(page, *size, "light")
    assert browser.ask("innerWidth") == size[0]
    assert browser.ask("document.documentElement.scrollWidth <= innerWidth")


@every_report
def test_tables_and_pictures_scroll_in_boxes_of_their_own_on_a_phone(
    browser: Browser, page: Path
) -> None:
    browser.open(page, *PHONE, "light")
    boxes = browser.ask("""[...document.querySelectorAll('table, figure svg')].map(one => {
        const box = one.parentElement
        return [box.scrollWidth, box.clientWidth, getComputedStyle(box).overflowX]
    })""")
    assert any(inside > outside for inside, outside, _ in boxes)
    assert all(overflow == "auto" for _, _, overflow in boxes)


@every_report
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_verdict_and_whether_the_criteria_hold_are_seen_without_scrolling(
    browser: Browser, page: Path, size: tuple[int, int]
) -> None:
    browser.open(page, *size, "light")
    lowest = browser.ask("""Math.max(
        document.querySelector('.answer').getBoundingClientRect().bottom,
        ...[...document.querySelectorAll('.lead td:first-child')]
            .map(one => one.getBoundingClientRect().top)
    )""")
    assert 0 < lowest < size[1]


# The colours behind a text: those of the elements around it, or in a picture the shapes that are
# drawn below it, the half transparent ones laid over each other.
CONTRASTS = """(() => {
    const parts = colour => {
        const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number)
        return [r, g, b, a]
    }
    const over = (top, below) =>
        [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1)
    const light = colour => colour.slice(0, 3)
        .map(one => one / 255)
        .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0)
    const shapes = new Map([...document.querySelectorAll('svg')].map(svg => [
        svg, [...svg.querySelectorAll('rect, path, circle')]
            .filter(one => getComputedStyle(one).fill !== 'none')
            .map(one => [one, one.getBoundingClientRect()]),
    ]))
    const behind = element => {
        const layers = []
        for (let one = element; one; one = one.parentElement)
            layers.unshift(parts(getComputedStyle(one).backgroundColor))
        const svg = element.closest('svg')
        if (svg) {
            const own = element.getBoundingClientRect()
            const x = own.x + own.width / 2, y = own.y + own.height / 2
            for (const [shape, box] of shapes.get(svg)) {
                const below = shape.compareDocumentPosition(element)
                    & Node.DOCUMENT_POSITION_FOLLOWING
                if (below && box.left <= x && x <= box.right && box.top <= y && y <= box.bottom)
                    layers.push(parts(getComputedStyle(shape).fill))
            }
        }
        return layers.reduce((below, top) => over(top, below), [255, 255, 255, 1])
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const found = []
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement
        const words = walker.currentNode.textContent.trim()
        if (!words || element.closest('title, desc, style')) continue
        const style = getComputedStyle(element)
        if (style.display === 'none') continue
        const back = behind(element)
        const ink = over(parts(element.closest('svg') ? style.fill : style.color), back)
        const [low, high] = [light(ink), light(back)].sort((a, b) => a - b)
        found.push([(high + 0.05) / (low + 0.05), words])
    }
    return found
})()"""


@every_page
@every_scheme
def test_every_text_stands_out_from_what_is_behind_it(
    browser: Browser, page: Path, scheme: str
) -> None:
    browser.open(page, *DESK, scheme)
    found = browser.ask(CONTRASTS)
    assert len(found) > 20
    assert [(ratio, words) for ratio, words in found if ratio < 4.5] == []


@every_scheme
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_verdict_stands_out_whichever_it_is(
    browser: Browser, tmp_path: Path, scheme: str, outcome: str
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of("# T\n\nQ?\n\n**Verdict.** Why.\n", {}, outcome))
    browser.open(file, *DESK, scheme)
    (ratio,) = [ratio for ratio, words in browser.ask(CONTRASTS) if words == "Verdict."]
    assert ratio >= 4.5
    colour = "getComputedStyle(document.querySelector('{}')).color"
    assert browser.ask(colour.format(".answer strong")) != browser.ask(colour.format("h1"))


def test_the_dark_scheme_is_dark(browser: Browser, pages: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        browser.open(pages / REPORTS[0], *DESK, scheme)
        colours.append(browser.ask("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]


@every_report
def test_every_formula_of_the_report_is_mathml_that_is_seen(browser: Browser, page: Path) -> None:
    browser.open(page, *DESK, "light")
    told: list[Any] = browser.ask("""[...document.querySelectorAll('math')].map(one =>
        [one.namespaceURI, one.textContent, one.getBoundingClientRect().width])""")
    assert len(told) == len(formulas(page.with_suffix(".md").read_text())) > 0
    for namespace, text, width in told:
        assert namespace == "http://www.w3.org/1998/Math/MathML"
        assert "\\" not in text
        assert width > 0


@every_page
def test_every_link_within_a_page_leads_to_a_place_in_it(browser: Browser, page: Path) -> None:
    browser.open(page, *DESK, "light")
    lost = browser.ask("""[...document.querySelectorAll('a[href^="#"]')]
        .map(one => decodeURIComponent(one.getAttribute('href').slice(1)))
        .filter(id => document.querySelectorAll('[id="' + CSS.escape(id) + '"]').length !== 1)""")
    assert lost == []
    ids = browser.ask("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))


@every_page
def test_every_link_to_a_file_leads_to_one_that_is_there(browser: Browser, page: Path) -> None:
    browser.open(page, *DESK, "light")
    links = browser.ask("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    for link in links:
        if not re.match("#|https?:|mailto:", link):
            assert (page.parent / link).exists(), link


@every_report
def test_the_contents_name_every_section(browser: Browser, page: Path) -> None:
    browser.open(page, *DESK, "light")
    sections = browser.ask("[...document.querySelectorAll('h2, h3')].map(one => '#' + one.id)")
    named = browser.ask("[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))")
    assert named == sections


@every_report
def test_every_picture_is_named_for_those_who_cannot_see_it(browser: Browser, page: Path) -> None:
    browser.open(page, *DESK, "light")
    edition = page.stem.removeprefix("REPORT")
    drawn = sorted(
        path.stem.removesuffix(edition)
        for path in (page.parent / "figures").glob("*.svg")
        if Path(path.stem).suffix == edition
    )
    pictures = browser.ask("""[...document.querySelectorAll('figure svg')].map(svg => ({
        ids: svg.getAttribute('aria-labelledby').split(' '),
        words: svg.getAttribute('aria-labelledby').split(' ')
            .map(id => document.getElementById(id).textContent.trim()),
        caption: svg.closest('figure').querySelector('figcaption').textContent,
    }))""")
    assert sorted(one["ids"][0].removesuffix("-title") for one in pictures) == drawn
    for one in pictures:
        assert all(one["words"])
        assert one["caption"] == one["words"][0]


@every_report
def test_the_words_of_a_picture_fit_into_it_where_it_stands_alone(
    browser: Browser, page: Path
) -> None:
    for picture in sorted((page.parent / "figures").glob("*.svg")):
        browser.open(picture, *DESK, "light")
        assert browser.complaints() == []
        wide = browser.ask("""[...document.querySelectorAll('text')].map(text => {
            const box = text.getBoundingClientRect()
            const whole = document.rootElement.getBoundingClientRect()
            return [Math.max(box.right - whole.right, whole.left - box.left), text.textContent]
        }).filter(([beyond, _]) => beyond > 0)""")
        assert wide == [], picture.name


@every_report
def test_printed_a_page_shows_its_tables_whole(browser: Browser, page: Path) -> None:
    browser.open(page, *DESK, "light")
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.ask("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.ask("getComputedStyle(document.querySelector('.table')).overflowX") == "visible"
    browser.send("Emulation.setEmulatedMedia", media="")


@every_report
def test_a_report_stays_light(page: Path) -> None:
    assert page.stat().st_size < 300_000
