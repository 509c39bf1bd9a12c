"""errors.csv must be what the gradients, computed again, give."""

import csv
import math
from collections.abc import Iterator

from autograd_by_hand.core.messages import listed
from autograd_by_hand.replay.repeated_gradients import WAYS
from autograd_by_hand.storage.comparisons import COMPARISONS, MEASURES
from autograd_by_hand.verdict.run_errors import Ways, errors_of_run
from autograd_by_hand.verification.experiment import EXACT, Experiment
from autograd_by_hand.verification.finding import Finding, broken, met, trusted

# The reference of float64 is computed in longdouble, here as well as there, though not with the
# same additions. Of its 11 bits more, 5 are left to their rounding errors.
APART = 2.0**-6
# The norm of a difference is a sum of doubles, which each library adds in another order.
NORM_APART = 2.0**-32
Key = tuple[str, str, str, int, str]  # dtype, comparison, sample, run, gradient
Rows = dict[Key, tuple[float, ...]]


def check_errors(experiment: Experiment) -> Iterator[Finding]:
    """Compare every row of errors.csv with the errors computed again."""
    path = experiment.archive.folder / "errors.csv"
    listed_rows = _read(path.read_text(encoding="utf-8"))
    due = {*_demanded(experiment)}
    if missing := due - listed_rows.keys():
        yield broken("errors", f"errors.csv: has no row for {_name(min(missing))}")
    if strange := listed_rows.keys() - due:
        yield broken("errors", f"errors.csv: has a row too many, {_name(min(strange))}")
    for dtype in experiment.dtypes:
        again = _again(experiment, dtype)
        differing = [
            key for key, row in again.items()
            if key in listed_rows and not _alike(key, row, listed_rows[key])
        ]  # fmt: skip
        if differing:
            yield broken(
                "errors",
                f"errors.csv: {len(differing)} of {len(again)} rows in {dtype} say something else "
                f"than the gradients, first {_name(differing[0])}",
            )
        elif again:
            yield met("errors", f"errors.csv: {len(again)} rows in {dtype} follow from gradients")
        rest = {key for key in due if key[0] == dtype} - again.keys()
        if rest:
            comparisons = listed(sorted({key[1].replace("_", " ") for key in rest}))
            yield trusted(
                "errors",
                f"errors.csv: {len(rest)} rows in {dtype} were not computed again ({comparisons})",
            )


def _read(text: str) -> Rows:
    lines = csv.DictReader(text.splitlines())
    return {
        (row["dtype"], row["comparison"], row["sample"], int(row["run"]), row["gradient"]): tuple(
            float(row[measure] or "nan") for measure in MEASURES
        )
        for row in lines
    }


def _demanded(experiment: Experiment) -> Iterator[Key]:
    for dtype in experiment.dtypes:
        for comparison in COMPARISONS:
            if comparison.startswith("reordered") and experiment.is_missing(
                f"{dtype}/handed_over.json"
            ):
                continue
            for sample, spec in experiment.config["samples"].items():
                for run in range(spec["runs"]):
                    for gradient in experiment.gradients:
                        yield dtype, comparison, sample, run, gradient


def _again(experiment: Experiment, dtype: str) -> Rows:
    """The rows of a dtype that can be computed again."""
    rows: Rows = {}
    for sample in experiment.inputs:
        ways = {way: own for way in WAYS if (own := experiment.known(dtype, way, sample))}
        for run in range(experiment.runs(sample)):
            of_run: Ways = {
                way: {name: values[run, ...] for name, values in own.items()}
                for way, own in ways.items()
            }
            measured = errors_of_run(of_run, experiment.gradients, dtype)
            for comparison, by_gradient in zip(COMPARISONS, measured, strict=True):
                if of_run.keys() >= {*comparison.split("_vs_")}:
                    for name, row in zip(experiment.gradients, by_gradient, strict=True):
                        rows[dtype, comparison, sample, run, name] = tuple(map(float, row))
    return rows


def _alike(key: Key, found: tuple[float, ...], expected: tuple[float, ...]) -> bool:
    """Whether two rows are the same, as far as the reference of that dtype can be repeated."""
    close = APART if key[0] == EXACT and key[1].endswith("_reference") else 0.0
    allowed = [max(close, NORM_APART if measure == "rel_norm" else 0.0) for measure in MEASURES]
    return all(
        one == other
        or (math.isnan(one) and math.isnan(other))
        or math.isclose(one, other, rel_tol=apart)
        for one, other, apart in zip(found, expected, allowed, strict=True)
    )


def _name(key: Key) -> str:
    dtype, comparison, sample, run, gradient = key
    return f"{gradient} in run {run} of {sample}, {dtype}, {comparison.replace('_', ' ')}"
