"""The pictures: XML that a reader can hear as well as see, with titles that follow the figures."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import torch

from autograd_by_hand.core.files import write_json
from autograd_by_hand.storage.missing import Missing, missing_in, write_missing
from autograd_by_hand.storage.safetensors_torch import write_tensors
from draw_figures import draw_figures

SVG = "{http://www.w3.org/2000/svg}"
NODES = [
    {"id": 0, "type": "SumBackward0", "edges": [{"to": 1, "input": 0}], "leaf": None},
    {"id": 1, "type": "AccumulateGrad", "edges": [], "leaf": "x"},
]
SUM: dict[str, Any] = {
    "op": "aten.mm.default",
    "torch": {
        "refused": None,
        "shape": [1, 1, 1],
        "which": [[1, [[1, 0]]]],
        "orders": [{"tree": "((0:32) (32:64))", "fused": None, "from_zero": False}],
    },
    "numpy": None,
}
PROGRAM = {
    "outputs": {"dx": 2},
    "calls": [{"op": "aten.mm.default", "args": [], "kwargs": {}, "result": 2, "sum": 0}],
}
FILES = {
    "by_dtype": "error_by_dtype",
    "by_run": "error_by_run",
    "in_ulps": "error_in_ulps",
    "places": "error_places",
    "chain": "graph",
    "trees": "orders",
    "shares": "shares",
}


class Pictures:
    """Made-up measurements of one gradient in float32, and the pictures that they give."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gradient = "dx"
        self.manual = [[1.0, 2.0], [3.0, 4.0]]
        self.truth = [[1.0, 2.0], [3.0, 4.0]]
        self.own_error = 0.0
        self.noise: float | str = 1e-7
        self.shares: dict[str, float | None] = {"forward_order": 1.0}
        self.refused: str | None = None
        self.language = "en"

    def drawn(self, missing: str = "") -> dict[str, str]:
        """The pictures' text, by file; `missing`: an input that is."""
        rows = [
            f"float32,{comparison},trial,0,{self.gradient},{error},1.0,{error}"
            for comparison, error in (
                ("manual_vs_autograd", self.own_error),
                ("reordered_vs_autograd", 1e-7),
                ("manual_vs_reference", 1e-7),
                ("autograd_vs_reference", 1e-7),
            )
        ]
        header = "dtype,comparison,sample,run,gradient,max_abs,max_ulp,rel_norm"
        (self.folder / "errors.csv").write_text("\n".join([header, *rows]) + "\n")
        shares = [
            {"gradient": self.gradient, "factor": name, "share": share}
            for name, share in self.shares.items()
        ]
        noise = {"samples": {"trial": {"gradients": {self.gradient: {"noise": self.noise}}}}}
        given: dict[str, Any] = {
            "graph": {"nodes": NODES},
            "facts": noise,
            "attributions": {"refused": self.refused, "shares": shares},
            "operations": {"autograd": PROGRAM, "hand": PROGRAM},
            "orders": {"sums": [SUM]},
        }
        (self.folder / "float32").mkdir(exist_ok=True)
        files = {name: self.folder / f"float32/{name}.json" for name in given}
        for name, value in given.items():
            write_json(files[name], value)
        if missing:
            write_missing(files[missing], GONE)
        for name, value in (("manual", self.manual), ("reference", self.truth)):
            kind = torch.float32 if name == "manual" else torch.float64
            files[name] = self.folder / f"float32/{name}.safetensors"
            write_tensors(
                files[name], {f"trial/{self.gradient}": torch.tensor([value], dtype=kind)}
            )
        made = {name: self.folder / f"{file}.svg" for name, file in FILES.items()}
        draw_figures(
            self.folder / "errors.csv",
            files["graph"],
            [files["facts"]],
            [files["attributions"]],
            files["operations"],
            files["orders"],
            files["manual"],
            files["reference"],
            ["float32"],
            [self.gradient],
            self.language,
            **made,
        )
        return {path.stem: path.read_text() for path in made.values()}

    def title(self, file: str) -> str:
        title = ET.fromstring(self.drawn()[file]).find(f"{SVG}title")  # noqa: S314 - our own picture
        assert title is not None
        assert title.text
        return title.text


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    return Pictures(tmp_path)


def test_each_picture_is_xml_with_a_title_and_a_description_that_name_it(pictures):
    for text in pictures.drawn().values():
        root = ET.fromstring(text)  # noqa: S314 - our own picture
        assert root.get("role") == "img"
        by_id = {one.get("id"): one for one in root}
        title, description = (by_id[one] for one in root.get("aria-labelledby", "").split())
        assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
        assert all((one.text or "").strip() for one in (title, description))


def test_the_ids_of_all_pictures_differ_so_that_one_page_can_hold_them(pictures):
    ids = [one for text in pictures.drawn().values() for one in re.findall(r'\bid="(.+?)"', text)]
    assert len(ids) == len(set(ids))


def test_the_title_is_seen_as_it_is_told(pictures):
    for text in pictures.drawn().values():
        root = ET.fromstring(text)  # noqa: S314 - our own picture
        seen = [one.text or "" for one in root.iter(f"{SVG}text") if one.get("class") == "title"]
        assert " ".join(seen) == root.findtext(f"{SVG}title")


def test_the_same_figures_give_the_same_bytes(pictures):
    assert pictures.drawn() == pictures.drawn()


def test_the_graph_names_each_node_and_its_leaf(pictures):
    assert pictures.title("graph") == "Autograd walks 2 nodes, from the result down to 1 leaf"
    assert "SumBackward0, AccumulateGrad of x." in pictures.drawn()["graph"]


def test_a_picture_speaks_the_language_that_is_asked_for(pictures):
    pictures.language = "es"
    assert pictures.title("graph") == "Autograd recorre 2 nodos, desde el resultado hasta 1 hoja"
    assert "64 sumandos, en 2 bloques de 32 vecinos" in " ".join(pictures.drawn()["orders"].split())


def test_an_order_is_drawn_with_its_words(pictures):
    trees = pictures.drawn()["orders"]
    assert ">dx: torch</text>" in trees
    assert "64 summands, in 2 blocks of 32 neighbours" in " ".join(trees.split())


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (0.0, "By hand and autograd agree bit for bit in float32"),
        (1e-9, "By hand and autograd differ in every format"),
    ],
)
def test_the_chart_by_format_says_whether_the_bits_agree(pictures, error, title):
    pictures.own_error = error
    assert pictures.title("error_by_dtype") == title


def test_the_chart_by_format_shows_the_spacing_and_the_unavoidable_rounding(pictures):
    text = pictures.drawn()["error_by_dtype"]
    assert text.count('class="eps"') == text.count('class="noise"') == 2  # the legend and dx
    pictures.noise = "inf"  # of a gradient that is zero
    assert 'class="noise"' in pictures.drawn()["error_by_dtype"]


def test_the_histogram_says_how_far_off_and_to_which_side(pictures):
    assert pictures.title("error_in_ulps") == "In float32 every element is the true value"
    pictures.manual = [[1 + 2**-22, 2 - 2**-21], [3 + 2**-21, 4 + 2**-20]]  # two ulps each
    assert pictures.title("error_in_ulps") == (
        "Half of the float32 elements are within 2.0 ulps of the truth, 75 % of errors upward"
    )


@pytest.mark.parametrize(
    ("manual", "truth", "title"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0]], "In float32 no element of dx has an error"),
        ([[1.0, 2.0], [4.0, 5.0]], [[1.0, 2.0], [3.0, 4.0]], "In float32 half of the squared error of dx sits in 1 of 2 rows and 1 of 2 columns"),
        ([1.0, 3.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], "In float32 half of the squared error of dx sits in 1 of its 4 elements"),
        (3.0, 2.0, "dx is a single number: its error has only one place"),
        ([[float("nan"), 2.0]], [[1.0, 2.0]], "In float32 1 of 2 elements of dx are no numbers (run 0)"),
    ],
    ids=["none", "matrix", "vector", "scalar", "nan"],
)  # fmt: skip
def test_the_map_says_where_the_errors_sit(pictures, manual, truth, title):
    pictures.manual, pictures.truth = manual, truth
    assert pictures.title("error_places") == title


@pytest.mark.parametrize(
    ("shares", "refused", "title"),
    [
        ({"forward_order": 0.6, "backward_fma": 0.4}, None, "What causes the difference: the order of sums in float32"),
        ({"output_rounding": 1.0}, None, "What causes the difference: rounding in float32"),
        ({"forward_order": None}, None, "There is no difference to explain: numpy's sums and torch's agree"),
        ({}, "torch's mm has no order", "The causes of the difference could not be traced"),
    ],
)  # fmt: skip
def test_the_shares_say_what_moves_the_bits(pictures, shares, refused, title):
    pictures.shares, pictures.refused = shares, refused
    assert pictures.title("shares") == title


def test_a_gradient_that_is_lost_altogether_is_drawn_all_the_same(pictures):
    pictures.manual = [[float("inf"), float("nan")]] * 2
    assert "4 are no numbers" in pictures.drawn()["error_in_ulps"]


def test_a_long_title_is_told_in_two_lines_and_makes_room_for_them(pictures):
    pictures.gradient = "d" + "_and_then_some" * 3
    pictures.manual = [[1.0, 2.0], [4.0, 5.0]]
    text = pictures.drawn()["error_places"]
    assert text.count('class="title"') == 2
    assert '<g transform="translate(0 20)">' in text


def test_sums_that_are_too_short_to_draw_are_said_to_be(pictures, monkeypatch):
    short = {"tree": "((0:2) (2:4))", "fused": None, "from_zero": False}
    monkeypatch.setitem(SUM["torch"], "orders", [short])
    assert pictures.title("orders").startswith("No sum in float32 has an order that is long")


def test_the_chart_by_run_says_whether_the_error_varies(pictures):
    assert pictures.title("error_by_run") == "From run to run the error hardly varies"


GONE = Missing("a_stage", None, "could not be computed: KeyError", "a.log")


@pytest.mark.parametrize(
    ("given", "picture"), [("graph", "graph"), ("operations", "orders"), ("orders", "orders")]
)
def test_a_picture_of_what_is_missing_says_so_and_the_others_are_there(pictures, given, picture):
    whole = pictures.drawn()
    parts = pictures.drawn(missing=given)
    assert {name for name in whole if parts[name] != whole[name]} == {picture}
    assert missing_in(pictures.folder / f"{picture}.svg") == GONE


def test_without_an_attribution_the_causes_are_not_traced(pictures):
    assert "could not be traced" in pictures.drawn(missing="attributions")["shares"]
