from typing import Any

from autograd_by_hand.core.messages import Message
from autograd_by_hand.report.sections.remarks import (
    ChangedInputs,
    LostElements,
    LostResult,
    NarrowReference,
    OnKinks,
    OtherSecondCall,
    TurnedDecisions,
    remarks_of,
)
from tests.autograd_by_hand.report.made_up import calls, facts, measurements, tails

LOST = {"value": "inf", "fits": True, "count": 3, "index": [0, 1], "run": 2}


def in_float16(**fields):
    """Measurements of which a field is another in float16."""
    usual = measurements()
    return measurements(
        **{
            name: {"float32": getattr(usual, name)["float32"], "float16": value}
            for name, value in fields.items()
        }
    )


def test_where_nothing_happens_there_is_no_remark():
    assert remarks_of(measurements()) == []


def test_a_lost_result_is_counted_over_all_runs():
    told = in_float16(facts=facts(non_finite=LOST), tails=tails() | {"lost": 18})
    assert remarks_of(told) == [LostResult("float16", None, "inf", 18, 20, 100.0, True, 65504.0)]


def test_lost_elements_are_told_unless_the_gradient_was_refused():
    lost = facts()
    lost["samples"]["trial"]["gradients"]["dW"]["non_finite"] = LOST
    assert remarks_of(in_float16(facts=lost)) == [
        LostElements("float16", "dW", 3, "inf", "0, 1", 2)
    ]
    assert remarks_of(in_float16(facts=lost, calls=calls(refused={"W": "missing"}))) == []


def test_what_calls_showed_is_told_by_gradient():
    second = {"x": "same bits", "W": "twice the first"}
    told = in_float16(calls=calls(changed_inputs=["x"], second_call=second))
    assert remarks_of(told) == [
        ChangedInputs("float16", ["x"]),
        OtherSecondCall("float16", "dW", "twice the first"),
    ]


def test_a_second_call_that_differs_by_rounding_is_no_remark():
    near = {"norm": 1.0, "element": 1.0}
    own = facts()
    own["samples"]["trial"]["gradients"]["dW"] |= {
        "manual": near,
        "second": {"error": near, "apart": near, "unequal": 1, "ulps": 1.0},
    }
    wavering = calls(second_call={"x": "same bits", "W": "other bits"})
    assert remarks_of(in_float16(facts=own, calls=wavering)) == []
    assert remarks_of(in_float16(calls=wavering)) == [
        OtherSecondCall("float16", "dW", "other bits")
    ]


def test_a_narrow_reference_is_told_with_its_reason():
    narrow: dict[str, Any] = {
        "arithmetic": "float32",
        "reason": "no wider sort",
        "fault": None,
        "kinks": [],
    }
    told = in_float16(arithmetic=narrow)
    assert remarks_of(told) == [NarrowReference("float16", "float32", "no wider sort")]


def test_that_elements_are_on_a_kink_is_told():
    balls = {"arithmetic": "ball arithmetic", "reason": None, "fault": None, "kinks": ["relu"]}
    assert remarks_of(in_float16(arithmetic=balls)) == [OnKinks("float16", ["relu"])]


def test_what_decisions_change_that_rounding_may_turn_is_said_once_a_dtype():
    told = facts()
    told["samples"]["trial"]["gradients"]["dx"] |= {"jumping": 5, "jumps": 0.125}
    assert remarks_of(in_float16(facts=told)) == [
        TurnedDecisions("float16", [Message("`dx` by 0.12 of its norm (5 of 24 elements)")])
    ]
