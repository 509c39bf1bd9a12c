"""The verdicts must follow from the gradients, their errors and the archived rounding noise."""

import math
from collections.abc import Iterator
from typing import Any, cast

from autograd_by_hand.core.messages import listed
from autograd_by_hand.experiment.settings import judged
from autograd_by_hand.storage.missing import Missing, read_part
from autograd_by_hand.storage.second_opinions import doubt
from autograd_by_hand.verdict.gradient_facts import (
    Arithmetic,
    Facts,
    JudgedFacts,
    Kinds,
    judged_facts,
    trial_facts,
    units_of,
)
from autograd_by_hand.verdict.judge import VerdictOnGradient
from autograd_by_hand.verdict.verdicts import verdicts_on
from autograd_by_hand.verification.errors import APART, NORM_APART
from autograd_by_hand.verification.experiment import EXACT, Experiment
from autograd_by_hand.verification.finding import Finding, broken, met, trusted

TRIAL = "trial"
# Where the greatest error is, as two may be equally great; and what the archive cannot show.
LEFT_OUT = ("run", "index", "beyond", "second")


def check_facts(experiment: Experiment, dtype: str) -> Iterator[Finding]:
    """Compare what facts.json says of the trial's gradients with what the gradients give."""
    facts: Facts = experiment.json(f"{dtype}/facts.json")
    told = trial_facts(facts)["gradients"]
    if [*told] != experiment.gradients:
        yield broken("verdicts", f"{dtype}: facts.json is on other gradients than the config")
        return
    again = _facts_again(experiment, dtype)
    if again is None:
        yield trusted(
            "verdicts",
            f"{dtype}: the reference was not computed again, so that the errors behind the "
            "verdicts are those of facts.json",
        )
        return
    if second := [name for name, one in told.items() if "second" in one]:
        yield trusted(
            "verdicts",
            f"{dtype} {listed(second)}: another call gave other bits, which are not archived",
        )
    close = APART if dtype == EXACT else NORM_APART
    for name, found in again.items():
        if place := _apart(found, told[name], close):
            yield broken("verdicts", f"{dtype} {name}: facts.json has another {place}")
            return
    yield met("verdicts", f"{dtype}: facts.json follows from the gradients and the archived noise")


def check_verdicts(experiment: Experiment) -> Iterator[Finding]:
    """Judge again, and compare with judgement.json and the manifest."""
    config, manifest = experiment.config, experiment.manifest
    dtypes = judged(config["dtypes"], config.get("computes_in"))
    facts = {
        dtype: trial_facts(experiment.json(f"{dtype}/facts.json"))["gradients"] for dtype in dtypes
    }
    mistakes = read_part(experiment.work / "mistakes.json")
    found = verdicts_on(
        {dtype: facts[dtype] for dtype in config["dtypes"]},
        facts[EXACT],
        {dtype: experiment.json(f"{dtype}/calls.json") for dtype in config["dtypes"]},
        {} if isinstance(mistakes, Missing) else mistakes,
        doubt(read_part(experiment.work / "oracle.json")),
    )
    judgement = experiment.json("judgement.json")
    if found != judgement["verdicts"]:
        yield broken(
            "verdicts",
            f"judgement.json: {_first(found, judgement['verdicts'])} follows from the facts",
        )
    elif judgement["verdicts"] != manifest["verdicts"]:
        yield broken("verdicts", "manifest.json: has other verdicts than judgement.json")
    elif judgement["acceptance"] != manifest["acceptance"]:
        yield broken("verdicts", "manifest.json: has other criteria than judgement.json")
    else:
        counts = [
            f"{sum(one['outcome'] == outcome for one in found)} {outcome}"
            for outcome in dict.fromkeys(one["outcome"] for one in found)
        ]
        yield met("verdicts", f"{listed(counts)}, as follows from the facts")


def _first(found: list[VerdictOnGradient], told: list[VerdictOnGradient]) -> str:
    for one in found:
        if one not in told:
            return f"{one['outcome']} on {one['gradient']} in {one['dtype']}"
    return "no verdict more"


def _facts_again(experiment: Experiment, dtype: str) -> dict[str, JudgedFacts] | None:
    """The facts of the trial's gradients; None if the reference cannot be computed again."""
    arithmetic: Arithmetic = experiment.json(f"{dtype}/arithmetic.json")
    reference = experiment.again(dtype, "reference").get(TRIAL)
    due = "longdouble" if dtype == EXACT else EXACT
    computed_in = experiment.computes_in(dtype)
    if reference is None or arithmetic["arithmetic"] != due or computed_in != dtype:
        return None
    kept = experiment.archived(dtype)
    values: Kinds = {
        "manual": _keyed(kept["manual"][TRIAL]),
        "autograd": _keyed(kept["autograd"][TRIAL]),
        "reference": _keyed(reference),
    }
    units = units_of(experiment.noise(dtype), arithmetic, dtype)
    return {
        name: judged_facts(values, f"{TRIAL}/{name}", dtype, units, dtype, arithmetic["fault"])
        for name in experiment.gradients
    }


def _keyed(arrays: dict[str, Any]) -> dict[str, Any]:
    return {f"{TRIAL}/{name}": values for name, values in arrays.items()}


def _apart(found: Any, told: Any, close: float, place: str = "") -> str | None:
    """The path of the first value that differs by more than the relative distance; None if none."""
    if isinstance(found, dict) and isinstance(told, dict):
        for key in found.keys() | (told.keys() - {"by_parts"}):
            if key in LEFT_OUT:
                continue
            if key not in found or key not in told:
                return f"{place}{key}"
            if different := _apart(found[key], told[key], close, f"{place}{key}."):
                return different
        return None
    number = [float(one) for one in (found, told) if isinstance(one, float)]
    if number:
        one, other = float(cast("float", found)), float(cast("float", told))
        same = one == other or (math.isnan(one) and math.isnan(other))
        return None if same or math.isclose(one, other, rel_tol=close) else place.rstrip(".")
    return None if found == told else place.rstrip(".")
