from autograd_by_hand.report.sections.replay import Count, InTheWay, Miss, NoOrder, replay_of
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


def test_nothing_is_in_the_way_of_a_proof():
    assert told(replay()).in_the_way[1] == InTheWay("float16", [], [], {}, 0, [])


def test_what_is_in_the_way_is_told():
    refused = [{"tensor": "dW", "op": "aten.mm.default", "reason": "no tree"}]
    found = told(
        replay(
            tensors=[ROW],
            constants=["db"],
            refused=refused,
            given={"tanh": 2},
            others=[["trial", 4]],
        )
    ).in_the_way[1]
    missed = Miss("dx", "1", 3, "trial", 1.0, 1.5)
    assert found == InTheWay(
        "float16", ["db"], [NoOrder("dW", "mm", "no tree")], {"tanh": 2}, 1, [missed]
    )


def test_what_is_given_is_not_in_the_way_where_nothing_else_is():
    assert told(replay(given={"tanh": 2})).in_the_way[1].given == {}
