"""In what a run differs from the recorded one, by manifests that have no more than is compared."""

from copy import deepcopy
from typing import Any

import pytest

from autograd_by_hand.archive.diff import _missing, against_recorded

START = "Compared with the run recorded on A processor, with torch 2.0: "


def kernel(*trees: str, **other: Any) -> dict[str, Any]:
    orders = [{"tree": tree, "fused": None, "from_zero": False} | other for tree in trees]
    return {"refused": None, "which": [[1, [[2, 0]]]], "orders": orders}


MANIFEST: Any = {
    "experiment": "one",
    "environment": {"processor": "A processor", "packages": {"torch": "2.0"}},
    "files": {
        "written": [
            {"path": f"experiments/one/{name}", "bytes": 1, "sha256": "0" * 64}
            for name in ("backward.py", "config.yaml", "discussion.md", "forward.py")
        ]
    },
    "verdicts": [
        {"gradient": name, "dtype": "float32", "outcome": "right", "diagnosis": None}
        for name in ("dx", "dW")
    ],
    "orders": [
        {
            "dtype": "float32",
            "op": "aten.mm.default",
            "args": [{"shape": [2, 3]}],
            "torch": kernel("(0:3)", "(0 (1:3))"),
            "numpy": kernel("(0:3)"),
        }
    ],
    "attribution": [
        {"dtype": "float32", "gradient": "dx", "factor": "backward_order", "share": 0.94},
        {"dtype": "float32", "gradient": "dx", "factor": "forward_order", "share": 0.06},
        {"dtype": "float32", "gradient": "dx", "factor": "backward_fma", "share": 0.0},
    ],
}


def sentence(edit: Any = None) -> str:
    other = deepcopy(MANIFEST)
    if edit:
        edit(other)
    return against_recorded(MANIFEST, other)


SAME = f"{START}the verdicts, summation orders and shares of the difference are the same."


def test_a_run_on_the_same_machine_differs_in_nothing() -> None:
    assert sentence() == SAME


def test_what_differs_is_counted_and_what_does_not_is_named() -> None:
    def edit(manifest: dict[str, Any]) -> None:
        manifest["orders"][0]["torch"]["orders"][1]["tree"] = "((0 1) 2)"
        manifest["environment"]["processor"] = "Another one"

    assert sentence(edit) == (
        f"{START}the verdicts and shares of the difference are the same; "
        "1 of 2 summation orders differ."
    )


def test_everything_may_differ() -> None:
    def edit(manifest: dict[str, Any]) -> None:
        manifest["orders"][0]["numpy"] = kernel("((0 1) 2)")
        manifest["attribution"][0]["share"] = 0.5
        manifest["attribution"][1]["share"] = 0.5
        manifest["verdicts"][0]["outcome"] = "wrong"

    assert sentence(edit) == (
        f"{START}1 of 2 verdicts, 1 of 2 summation orders and 2 of 3 shares of the difference differ."
    )


@pytest.mark.parametrize(
    "torch",
    [
        kernel("(0:3)", "(0 (1:3))", fused="(0:3)"),
        kernel("(0:3)", "(0 (1:3))", from_zero=True),
        kernel("(0:3)", "(0 (1:3))") | {"which": [[1, [[1, 0], [1, 1]]]]},
        {"refused": "it is too long", "orders": []},
        None,
    ],
    ids=["fused", "from zero", "elsewhere", "none", "absent"],
)
def test_an_order_is_what_decides_the_bits(torch: dict[str, Any] | None) -> None:
    def edit(manifest: dict[str, Any]) -> None:
        manifest["orders"][0]["torch"] = torch

    assert "; 1 of 2 summation orders differ." in sentence(edit)


def test_an_order_that_all_positions_have_needs_no_positions() -> None:
    def edit(manifest: dict[str, Any]) -> None:
        manifest["orders"][0]["numpy"]["which"] = [[2, [[1, 0]]]]

    assert sentence(edit) == SAME


def test_a_share_is_as_the_report_has_it() -> None:
    def edit(manifest: dict[str, Any]) -> None:
        manifest["attribution"][0]["share"] = 0.9401
        manifest["attribution"][2]["share"] = 1e-16

    assert sentence(edit) == SAME


def test_another_mistake_is_another_verdict() -> None:
    def edit(manifest: dict[str, Any]) -> None:
        manifest["verdicts"][1] |= {"outcome": "wrong", "diagnosis": {"name": "a factor of 2"}}

    assert "; 1 of 2 verdicts differ." in sentence(edit)


def test_the_files_that_were_edited_since_are_named_if_they_decide_the_results() -> None:
    def edit(manifest: dict[str, Any]) -> None:
        for file in manifest["files"]["written"][:3]:
            file["sha256"] = "1" * 64

    assert sentence(edit) == SAME.replace(
        "torch 2.0:", "torch 2.0, from another backward.py and config.yaml:"
    )


def test_what_neither_run_has_is_not_said_to_be_the_same() -> None:
    recorded = MANIFEST | {"attribution": []}
    assert against_recorded(recorded, recorded) == (
        f"{START}the verdicts and summation orders are the same."
    )


def test_a_part_that_is_missing_is_told_with_its_reason() -> None:
    gone: Any = {"stage": "verify_replay", "dtype": "float32", "words": "could not be computed: x"}
    manifest: Any = MANIFEST | {"missing": [gone, gone | {"stage": "dump_graph", "dtype": None}]}
    assert _missing(MANIFEST) == {}
    assert _missing(manifest) == {
        "verify_replay float32": "could not be computed: x",
        "dump_graph": "could not be computed: x",
    }
