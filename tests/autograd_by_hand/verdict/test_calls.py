from typing import Any

from autograd_by_hand.verdict.calls import autograd_use


def calls(**use: Any) -> Any:
    found = {"whole": True, "gradients": ["x"], "nodes": ["ExpBackward0"], "lines": [3]} | use
    return {"autograd": found} if use else {}


def test_where_no_dtype_uses_autograd_none_is_used() -> None:
    assert autograd_use([calls(), calls()]) is None


def test_what_the_dtypes_use_is_told_together() -> None:
    more = calls(gradients=["x", "W"], nodes=["AddBackward0"], lines=[9, 2])
    assert autograd_use([calls(whole=True), more]) == {
        "whole": True,
        "gradients": ["x", "W"],
        "nodes": ["AddBackward0", "ExpBackward0"],
        "lines": [2, 3, 9],
    }


def test_what_only_one_dtype_uses_is_a_part() -> None:
    use = autograd_use([calls(whole=True), calls()])
    assert use is not None
    assert not use["whole"]
