"""Made-up measurements of two gradients, dx and dW, in float32 and float16, all of them exact."""

from typing import Any

from autograd_by_hand.replay.attribution import FACTORS, OTHER
from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.storage.comparisons import COMPARISONS, MEASURES

DTYPES = ["float32", "float16"]
GRADIENTS = ["dx", "dW"]
SHAPES = {"dx": [2, 3], "dW": [4, 3]}
Rows = dict[tuple[str, str, str], dict[str, Any]]


def measurements(**changed: Any) -> Measurements:
    """The measurements; `changed` replaces whole fields."""
    fields: dict[str, Any] = {
        "experiment": "made-up",
        "title": "A title",
        "question": "Is it right?",
        "specs": {
            "x": {"shape": [2, 3], "requires_grad": True},
            "W": {"shape": [4, 3], "requires_grad": True},
            "target": {"shape": [2, 4]},
        },
        "samples": {"trial": {"seed": 7, "runs": 20}},
        "dtypes": DTYPES,
        "errors": {"trial": errors()},
        "judgement": {"verdicts": verdicts(), "acceptance": []},
        "facts": {dtype: facts() for dtype in DTYPES},
        "calls": {dtype: calls() for dtype in DTYPES},
        "arithmetic": {
            dtype: {"arithmetic": "float64", "reason": None, "fault": None, "kinks": []}
            for dtype in DTYPES
        },
        "handed_over": {dtype: {} for dtype in DTYPES},
        "replay": {dtype: replay() for dtype in DTYPES},
        "attribution": {dtype: attribution() for dtype in DTYPES},
        "tails": {dtype: tails() for dtype in DTYPES},
        "oracle": {
            "reason": None,
            "proven": None,
            "autograd": 2.0,
            "difference": 2.5,
            "uncertain": 0.5,
            "stops": [],
        },
        "gradcheck": {"refused": None, "objection": None, "fast": False},
        "pitfalls": [],
        "sizes": [],
        "made": [],
        "arguments": {},
        "sums": [],
        "graph": {"nodes": []},
        "environment": {},
        "pictures": {},
        "missing": [],
    }
    return Measurements(**(fields | changed))


def errors(**changed: dict[str, float]) -> Rows:
    """A sample's errors, 0 but for those in `changed`: by "<dtype>_<comparison>_<gradient>"."""
    nothing = {f"{measure}_{how}": 0.0 for measure in MEASURES for how in ("median", "max")}
    return {
        (dtype, comparison, gradient): nothing | changed.get(f"{dtype}_{comparison}_{gradient}", {})
        for dtype in DTYPES
        for comparison in COMPARISONS
        for gradient in GRADIENTS
    }


def verdicts(**outcomes: str) -> list[dict[str, Any]]:
    """A verdict on each gradient in each format: right, or as `outcomes` has it by gradient."""
    return [
        verdict(gradient, dtype, outcomes.get(gradient, "right"))
        for dtype in DTYPES
        for gradient in GRADIENTS
    ]


def verdict(
    gradient: str,
    dtype: str,
    outcome: str,
    reason: str = "off by 9 noises",
    mistake: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """One verdict; mistake: its name and evidence."""
    return {
        "gradient": gradient,
        "dtype": dtype,
        "outcome": outcome,
        "reason": reason,
        "limit": 0.25,
        "diagnosis": mistake and {"name": mistake[0], "evidence": mistake[1]},
    }


def facts(**result: Any) -> dict[str, Any]:
    """A format's facts of every sample; `result` changes those of forward's result."""
    first = {"manual": 1.5, "autograd": 1.5, "reference": 1.25}
    gradient = {
        "identical": True,
        "non_finite": None,
        "first": first,
        "noise": 0.0625,
        "jumps": 0.0,
        "jumping": 0,
        "elements": 24,
        "limits": {"norm": 4.0, "element": 9.0},
        "manual": {"norm": 0.5},
        "autograd": {"norm": 0.75, "element": 0.75, "fault": None},
    }
    sample = {
        "runs": 20,
        "result": {"largest": 100.0, "non_finite": None} | result,
        "gradients": {name: {"shape": SHAPES[name], **gradient} for name in GRADIENTS},
    }
    return {"eps": 0.125, "largest": 65504.0, "samples": {"trial": sample, "example": sample}}


def calls(**changed: Any) -> dict[str, Any]:
    """What calls of backward in a format showed."""
    second = {"x": "same bits", "W": "same bits"}
    return {"second_call": second, "changed_inputs": [], "refused": {}} | changed


def replay(**changed: Any) -> dict[str, Any]:
    """A format's replay: every bit met, but for what is `changed`."""
    row = {"tensor": "dx", "data": "experiment", "elements": 6, "identical": 6, "first": None}
    nothing: dict[str, Any] = {"given": {}, "constants": [], "refused": [], "others": []}
    return (
        {"tensors": [row, row | {"data": "amplified"}], "proved": not changed} | nothing | changed
    )


def attribution(**changed: Any) -> Any:
    """A format's attribution: traced over 5 runs, and no difference."""
    return {
        "refused": None,
        "runs": 5,
        "shares": shares(dx=None, dW=None),
        "counterfactuals": [],
        "forward": [],
        "backward": ["mm"],
    } | changed


def shares(**by_gradient: dict[str, float] | None) -> list[dict[str, Any]]:
    """Rows of shares: None for a gradient without a difference; a factor that is left out has 0."""
    return [
        {"gradient": name, "factor": factor, "share": None if own is None else own.get(factor, 0.0)}
        for name, own in by_gradient.items()
        for factor in (*FACTORS, OTHER)
    ]


def tails(**changed: Any) -> dict[str, Any]:
    """A format's tails: 6 elements of each gradient, all of them exact."""
    tail = {
        "unequal": 0,
        "counts": {"0": 6},
        "overflow": 0,
        "zeros": 0,
        "subnormal": 0,
        "greatest": None,
    }
    return {"gradients": dict.fromkeys(GRADIENTS, tail | changed), "lost": 0}
