from autograd_by_hand.report.sections.replay import (
    Count,
    InDtypes,
    Miss,
    NoOrder,
    replay_of,
)
from autograd_by_hand.report.templates import render
from autograd_by_hand.storage.missing import Missing
from tests.autograd_by_hand.report.made_up import measurements, replay

MISS = {"index": [1], "run": 3, "sample": "trial", "found": 1.0, "expected": 1.5}
ROW = {"tensor": "dx", "data": "experiment", "elements": 6, "identical": 5, "first": MISS}


def told(second):
    return replay_of(measurements(replay={"float32": replay(), "float16": second}))


def test_each_row_counts_the_elements_of_every_format():
    rows = told(replay(tensors=[ROW])).rows
    assert [(row.tensor, row.data) for row in rows] == [("dx", "experiment"), ("dx", "amplified")]
    assert rows[0].counts == [Count(6, 6), Count(5, 6)]
    assert rows[1].counts == [Count(6, 6), None]


def in_the_way(told):
    return told.missing, told.constants, told.no_order, told.given, told.others, told.missed


def test_nothing_is_in_the_way_of_a_proof():
    assert in_the_way(told(replay())) == ([], [], [], [], [], [])


REFUSED = [{"tensor": "dW", "op": "aten.mm.default", "reason": "no tree"}]
OBSTACLES = {
    "tensors": [ROW],
    "constants": ["db"],
    "refused": REFUSED,
    "given": {"tanh": 2},
    "others": [["trial", 4]],
}


def test_what_is_in_the_way_is_told():
    own = ["float16"]
    assert in_the_way(told(replay(**OBSTACLES))) == (
        [],
        [InDtypes(own, "db")],
        [InDtypes(own, NoOrder("dW", "mm", "no tree"))],
        [InDtypes(own, {"tanh": 2})],
        [InDtypes(own, 1)],
        [InDtypes(own, Miss("dx", "1", 3, "trial", 1.0, 1.5))],
    )


def test_what_is_the_same_in_several_dtypes_is_told_once():
    both = measurements(
        replay={
            "float32": replay(**OBSTACLES),
            "float16": replay(**OBSTACLES | {"given": {"tanh": 2, "exp": 1}}),
        }
    )
    found = replay_of(both)
    assert [one.dtypes for one in found.no_order] == [["float32", "float16"]]
    assert [one.dtypes for one in found.given] == [["float32"], ["float16"]]
    text = render("report/replay.md.j2", {"replay": found, "dtypes": both.dtypes})
    assert text.count("no order of its mm was found") == 1
    assert "- float32 and float16, `dW`: no order of its mm was found: no tree." in text
    assert "- float32: not executed again, but taken as recorded: tanh (2)." in text
    assert "- float16: not executed again, but taken as recorded: tanh (2), exp (1)." in text


def test_why_replays_are_missing_is_told_once():
    gone = [Missing("verify_replay", dtype, "no memory", "log") for dtype in ("float32", "float16")]
    found = replay_of(measurements(replay=dict(zip(("float32", "float16"), gone, strict=True))))
    assert found.missing == [InDtypes(["float32", "float16"], "no memory")]


def test_what_is_given_is_not_in_the_way_where_nothing_else_is():
    assert told(replay(given={"tanh": 2})).given == []
