"""Evaluate the acceptance criteria that an experiment's config lists."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NotRequired, TypedDict, TypeVar

import pandas as pd

from autograd_by_hand.core.messages import Message, joined, listed
from autograd_by_hand.core.number_format import number, percent
from autograd_by_hand.diagnosis.mistake import UNKNOWN
from autograd_by_hand.experiment.autograd_use import AutogradUse
from autograd_by_hand.experiment.graph_listing import Node
from autograd_by_hand.experiment.settings import Criterion, ErrorCriterion
from autograd_by_hand.storage.attribution import Attribution
from autograd_by_hand.storage.missing import Missing
from autograd_by_hand.verdict.judge import ROUNDED, VerdictOnGradient
from autograd_by_hand.verdict.tried_sizes import TriedSize, fails, size_in_words

Part = TypeVar("Part")

GREATEST = {
    "max_abs": Message("greatest absolute difference"),
    "max_ulp": Message("greatest difference in ulps"),
    "rel_norm": Message("greatest difference relative to the norm"),
}
LEAST = {
    "max_abs": Message("least absolute difference"),
    "max_ulp": Message("least difference in ulps"),
    "rel_norm": Message("least difference relative to the norm"),
}
CAUSES = {
    "forward_order": Message("forward order"),
    "forward_fma": Message("forward fma"),
    "backward_order": Message("backward order"),
    "backward_fma": Message("backward fma"),
    "output_rounding": Message("output rounding"),
    "other_operations": Message("other operations"),
}


class Evaluated(TypedDict):
    """A criterion's claim, a sentence with the measurement, and whether the criterion holds."""

    criterion: str
    measured: str
    holds: bool


class TriedPitfall(TypedDict):
    """What try_pitfalls writes for one of the config's pitfalls."""

    mistake: str
    replace: str
    by: str
    verdicts: list[VerdictOnGradient]


class AutogradFinding(AutogradUse):
    """How backward uses autograd, and whether the config allows it."""

    allowed: bool


class Judgement(TypedDict):
    """What judge_gradients writes.

    refused: a sentence for each gradient that backward did not give, or gave unasked
    autograd: how backward uses autograd, if it does
    """

    verdicts: list[VerdictOnGradient]
    acceptance: list[Evaluated]
    refused: list[str]
    autograd: NotRequired[AutogradFinding]


def evaluate(
    criterion: Criterion,
    errors: pd.DataFrame,
    nodes: list[Node] | Missing,
    verdicts: list[VerdictOnGradient],
    attributions: dict[str, Attribution],
    pitfalls: list[TriedPitfall] | Missing,
    autograd: AutogradFinding | None = None,
    reordered: Mapping[str, Missing] | None = None,
    sizes: Sequence[TriedSize] | Missing = (),
    digits: int | None = None,
) -> Evaluated:
    """Evaluate one criterion of the config; it does not hold if what it needs is missing.

    attributions: by dtype
    autograd: how backward uses autograd, None if it does not
    reordered: why numpy's sums are missing, by dtype; None if none are
    sizes: the verdicts at other sizes
    digits: how many digits of its constants make a gradient right, None for all
    """
    if "errors" in criterion:
        measured, holds = _errors(criterion["errors"], errors, reordered or {})
    elif "graph" in criterion:
        measured, holds = _unless_missing(nodes, partial(_graph, criterion["graph"]))
    elif "attribution" in criterion:
        measured, holds = _attribution(attributions[criterion["attribution"]])
    elif "pitfalls" in criterion:
        measured, holds = _unless_missing(pitfalls, _pitfalls)
    elif "second_call" in criterion:
        measured, holds = _reproducible(verdicts)
    else:
        measured, holds = _verdicts(criterion["verdict"], verdicts, digits)
        if criterion["verdict"] == "right" and autograd and not autograd["allowed"]:
            measured, holds = _not_by_hand(measured, autograd), False
        if criterion["verdict"] == "right":
            measured, holds = _at_sizes(measured, holds, sizes)
    return {"criterion": criterion["claim"], "measured": measured, "holds": holds}


def _unless_missing(
    part: Part | Missing, evaluated: Callable[[Part], tuple[str, bool]]
) -> tuple[str, bool]:
    return (part.words, False) if isinstance(part, Missing) else evaluated(part)


def _errors(
    wanted: ErrorCriterion, errors: pd.DataFrame, reordered: Mapping[str, Missing]
) -> tuple[str, bool]:
    if wanted["comparison"].startswith("reordered") and wanted["dtype"] in reordered:
        return reordered[wanted["dtype"]].words, False
    keys = {
        "dtype": wanted["dtype"],
        "comparison": wanted["comparison"],
        "sample": wanted.get("sample", "trial"),
    }
    rows = errors
    for key, value in keys.items():
        rows = rows[rows[key] == value]
    if rows.empty:
        return Message("nothing was measured with {keys}", keys=", ".join(keys.values())), False
    measure, every = wanted["measure"], "every" in wanted
    ((side, limit),) = (wanted["every"] if every else wanted["some"]).items()
    holding = rows[measure] < limit if side == "below" else rows[measure] > limit
    holds = bool(holding.all() if every else holding.any())
    greatest = every == (side == "below")  # the row that decides
    decides: Any = rows[measure].idxmax() if greatest else rows[measure].idxmin()
    extreme = rows.loc[decides]
    met = {"count": int(holding.sum()), "all": len(rows), "limit": number(limit)}
    return (
        Message(
            "{what} {value} ({gradient}, run {run}); {met}",
            what=(GREATEST if greatest else LEAST)[measure],
            value=number(extreme[measure], 3),
            gradient=extreme["gradient"],
            run=int(extreme["run"]),
            met=Message("{count} of {all} are below {limit}", **met)
            if side == "below"
            else Message("{count} of {all} are above {limit}", **met),
        ),
        holds,
    )


def _graph(wanted: list[str], nodes: list[Node]) -> tuple[str, bool]:
    types = [node["type"] for node in nodes]
    counts = ", ".join(f"{types.count(name)} {name}" for name in wanted)
    sentence = Message("{count} nodes, among them {counts}", count=len(nodes), counts=counts)
    return sentence, all(name in types for name in wanted)


def _attribution(found: Attribution) -> tuple[str, bool]:
    if found["refused"]:
        return Message("not traced: {reason}", reason=found["refused"]), False
    leading: dict[str, tuple[float, str]] = {}  # by gradient: the greatest share and its factor
    for row in found["shares"]:
        name, share = row["gradient"], row["share"]
        if share is not None and share > leading.get(name, (0.0, ""))[0]:
            leading[name] = share, row["factor"]
    if not leading:
        return Message("no difference: numpy's sums give autograd's bits"), True
    causes = [
        joined(" ", [name, percent(share), CAUSES[factor]])
        for name, (share, factor) in leading.items()
    ]
    sentence = Message(
        "both ends replayed bit for bit (runs: {runs}); most of the squared difference: {causes}",
        runs=found["runs"],
        causes=joined(", ", causes),
    )
    return sentence, True


def _pitfalls(tried: list[TriedPitfall]) -> tuple[str, bool]:
    """Evaluate whether each pitfall is caught, and its mistake named."""
    caught = [
        [one for one in row["verdicts"] if one["outcome"] in ("wrong", "imprecise", ROUNDED)]
        for row in tried
    ]
    named = [
        any(one["diagnosis"] and one["diagnosis"]["name"] != UNKNOWN for one in row)
        for row in caught
    ]
    count = sum(map(bool, caught))
    sentence = Message(
        "{count} of {all} are caught, {named} are named",
        count=count,
        all=len(tried),
        named=sum(named),
    )
    return sentence, len(tried) > 0 and all(caught) and all(named)


def _verdicts(
    wanted: str, verdicts: list[VerdictOnGradient], digits: int | None
) -> tuple[str, bool]:
    rounded = [
        one
        for one in verdicts
        if wanted == "right"
        and one["outcome"] == ROUNDED
        and digits is not None
        and one["digits"] >= digits
    ]
    met = sum(one["outcome"] == wanted for one in verdicts) + len(rounded)
    sentence = Message("{count} of {all} are {wanted}", count=met, all=len(verdicts), wanted=wanted)
    if rounded:
        sentence = Message(
            "{told}, {count} of them but for constants of {digits} digits or more",
            told=sentence,
            count=len(rounded),
            digits=digits,
        )
    return sentence, met == len(verdicts) > 0


def _reproducible(verdicts: list[VerdictOnGradient]) -> tuple[str, bool]:
    """Evaluate whether each gradient has the same bits in two calls, or by how much it differs."""
    differing = [one["calls_differ"] for one in verdicts if "calls_differ" in one]
    same = len(verdicts) - len(differing)
    sentence = Message(
        "{count} of {all} have the same bits in a second call", count=same, all=len(verdicts)
    )
    if differing:
        sentence = Message("{told}; {words}", told=sentence, words=differing[0])
    return sentence, not differing


def _at_sizes(measured: str, holds: bool, tried: Sequence[TriedSize] | Missing) -> tuple[str, bool]:
    """Say at which sizes backward is not right, after what was measured.

    A defect that keeps the other sizes from being tried does not cost the verdict on this one.
    """
    if isinstance(tried, Missing):
        return Message("{measured}; {sizes}", measured=measured, sizes=tried.words), holds
    failing = [one for one in tried if fails(one)]
    if not failing:
        return measured, holds
    sizes = [f"({size_in_words(one)})" for one in failing]
    told = Message("{measured}, but not at {sizes}", measured=measured, sizes=listed(sizes))
    return told, False


def _not_by_hand(measured: str, use: AutogradUse) -> str:
    """Say that backward uses autograd, after what was measured."""
    lines = [f"backward.py:{line}" for line in use["lines"]] or ["backward.py"]
    return Message(
        "{measured}, but backward uses autograd ({lines}); if it may, write autograd: allowed in "
        "config.yaml",
        measured=measured,
        lines=listed(lines),
    )
