from typing import Any

from autograd_by_hand.replay.sum_table import described_sums


def kernel(*trees, which=None, fused=None):
    return {
        "refused": None,
        "shape": [1, 1, 4],
        "which": which or [[1, [[4, 0]]]],
        "orders": [{"tree": tree, "fused": fused, "from_zero": False} for tree in trees],
    }


def call(op, result, number, *args):
    return {
        "op": op,
        "args": [{"value": one} for one in args],
        "kwargs": {},
        "result": result,
        "sum": number,
    }


ADDMM, SUM = "aten.addmm.default", "aten.sum.dim_IntList"


def told(torchs, numpys=None, op=ADDMM):
    program = {"calls": [call(op, 3, 0, 0, 1)], "outputs": {"y": 3}}
    operations: Any = {"autograd": program, "hand": program}
    entries: Any = [{"op": op, "torch": torchs, "numpy": numpys}]
    (row,) = described_sums(operations, entries)
    return row


def test_a_sum_is_told_by_what_it_gives_and_how_it_adds():
    row = told(kernel("(0:64 64)", fused="(1:64)"))
    assert (row["name"], row["operation"], row["numpy"]) == ("y", "addmm", None)
    assert row["torch"]["words"] == "one after another, the bias last"
    assert row["torch"]["summands"] == 65


def test_fused_products_are_all_some_or_none():
    assert told(kernel("(0:64 64)", fused="(1:64)"))["torch"]["fused"] == "all"
    assert told(kernel("(0:64 64)", fused="(1:11)"))["torch"]["fused"] == "10 of 64"
    assert told(kernel("(0:64 64)"))["torch"]["fused"] == "none"


def test_where_nothing_is_multiplied_nothing_can_be_fused():
    assert told(kernel("(0:600)"), op=SUM)["torch"]["fused"] is None


def test_the_commonest_order_is_told_and_the_others_counted():
    several = kernel("(0:64 64)", "(64 0:64)", which=[[1, [[1, 0], [3, 1]]]])
    row = told(several)["torch"]
    assert row["words"] == "one after another, starting from the bias"
    assert (row["others"], row["positions"], row["all"]) == (1, 1, 4)


def test_what_was_refused_keeps_its_reason():
    row = told({"refused": "a second call gives other bits"}, kernel("(0:64 64)"))
    assert row["torch"] == {"refused": "a second call gives other bits"}
    assert row["numpy"]["words"] == "one after another, the bias last"


def test_the_hands_own_sum_of_the_same_name_tells_numpys_order():
    operations: Any = {
        "autograd": {"calls": [call(SUM, 3, 0, 0)], "outputs": {"db": 3}},
        "hand": {"calls": [call(SUM, 5, 1, 0)], "outputs": {"db": 5}},
    }
    entries: Any = [
        {"op": SUM, "torch": kernel("(0:9)"), "numpy": None},
        {"op": SUM, "torch": kernel("(0:9)"), "numpy": kernel("(8:-1:-1)")},
    ]
    (row,) = described_sums(operations, entries)
    assert row["numpy"] is not None
    assert row["numpy"]["words"] == "one after another, from the last"
