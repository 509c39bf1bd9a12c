"""Whether an experiment does what its own config asks of it."""

from typing import Any

import pandas as pd

from scripts.lib.numbers import number, percent
from scripts.lib.verdict import UNKNOWN

MEASURES = {
    "max_abs": "absolute difference",
    "max_ulp": "difference in ulps",
    "rel_norm": "difference relative to the norm",
}


def evaluate(
    criterion: dict[str, Any],
    errors: pd.DataFrame,
    nodes: list[dict[str, Any]],
    verdicts: list[dict[str, Any]],
    attributions: dict[str, Any],
    pitfalls: list[dict[str, Any]],
) -> dict[str, Any]:
    """One criterion of the config, evaluated.

    attributions: by format, as attribute_difference writes them
    pitfalls: as try_pitfalls writes them
    returns: `criterion` (its claim), `measured` (a sentence with the figure), `holds`
    """
    if "errors" in criterion:
        measured, holds = _errors(criterion["errors"], errors)
    elif "graph" in criterion:
        measured, holds = _graph(criterion["graph"], nodes)
    elif "attribution" in criterion:
        measured, holds = _attribution(attributions[criterion["attribution"]])
    elif "pitfalls" in criterion:
        measured, holds = _pitfalls(pitfalls)
    else:
        measured, holds = _verdicts(criterion["verdict"], verdicts)
    return {"criterion": criterion["claim"], "measured": measured, "holds": holds}


def _errors(wanted: dict[str, Any], errors: pd.DataFrame) -> tuple[str, bool]:
    keys = {key: wanted[key] for key in ("dtype", "comparison")}
    keys["sample"] = wanted.get("sample", "trial")
    rows = errors
    for key, value in keys.items():
        rows = rows[rows[key] == value]
    if rows.empty:
        return f"nothing was measured with {', '.join(keys.values())}", False
    measure, quantifier = wanted["measure"], "every" if "every" in wanted else "some"
    ((side, limit),) = wanted[quantifier].items()
    holding = rows[measure] < limit if side == "below" else rows[measure] > limit
    holds = bool(holding.all() if quantifier == "every" else holding.any())
    greatest = (quantifier == "every") == (side == "below")  # the row that decides
    extreme = rows.loc[rows[measure].idxmax() if greatest else rows[measure].idxmin()]
    word = "greatest" if greatest else "least"
    return (
        (
            f"{word} {MEASURES[measure]} {number(extreme[measure], 3)} "
            f"({extreme['gradient']}, run {extreme['run']}); "
            f"{int(holding.sum())} of {len(rows)} are {side} {number(limit)}"
        ),
        holds,
    )


def _graph(wanted: list[str], nodes: list[dict[str, Any]]) -> tuple[str, bool]:
    types = [node["type"] for node in nodes]
    counts = ", ".join(f"{types.count(name)} {name}" for name in wanted)
    return f"{len(nodes)} nodes, among them {counts}", all(name in types for name in wanted)


def _attribution(found: dict[str, Any]) -> tuple[str, bool]:
    if found["refused"]:
        return f"not traced: {found['refused']}", False
    leading: dict[str, dict[str, Any]] = {}
    for row in found["shares"]:
        name = row["gradient"]
        if row["share"] is not None and row["share"] > leading.get(name, {"share": 0.0})["share"]:
            leading[name] = row
    if not leading:
        return "no difference: numpy's sums give autograd's bits", True
    words = ", ".join(
        f"{name} {percent(row['share'])} {row['factor'].replace('_', ' ')}"
        for name, row in leading.items()
    )
    where = f"both ends replayed bit for bit over {found['runs']} runs"
    return f"{where}; most of the squared difference: {words}", True


def _pitfalls(tried: list[dict[str, Any]]) -> tuple[str, bool]:
    """Whether each mistake is caught, and named or refused with the author's line."""
    caught = [
        [one for one in row["verdicts"] if one["outcome"] in ("wrong", "imprecise")]
        for row in tried
    ]
    named = [
        any(one["diagnosis"] and one["diagnosis"]["name"] != UNKNOWN for one in row)
        for row in caught
    ]
    count = sum(map(bool, caught))
    words = f"{count} of {len(tried)} are caught, {sum(named)} are named"
    return words, len(tried) > 0 and all(caught) and all(named)


def _verdicts(wanted: str, verdicts: list[dict[str, Any]]) -> tuple[str, bool]:
    outcomes = [verdict["outcome"] for verdict in verdicts]
    met = outcomes.count(wanted)
    return f"{met} of {len(outcomes)} are {wanted}", met == len(outcomes) > 0
