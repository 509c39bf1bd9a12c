"""The index of all experiments: their questions, their outcomes, and how far the bits differ."""

from dataclasses import dataclass

import pandas as pd

from autograd_by_hand.experiment.settings import edition, languages_of
from autograd_by_hand.report.sections.grouping import distinct, grouped
from autograd_by_hand.report.templates import render
from autograd_by_hand.storage.manifest import Manifest
from autograd_by_hand.verdict.judge import worst_outcome


@dataclass(frozen=True)
class Failure:
    """The gradients and dtypes with one outcome other than right."""

    outcome: str
    gradients: list[str]
    dtypes: list[str]


@dataclass(frozen=True)
class Row:
    """An experiment.

    edition: the part of its first report's file name before the suffix, such as ".es"
    outcome: the worst of its verdicts
    failures: the verdicts that are not right, by outcome
    steady: whether two calls of backward always give the same bits
    missing: how many parts of its report are missing
    held: how many of its criteria hold
    worst: by dtype, the greatest distance in ulps between the manual gradient and autograd
    """

    name: str
    title: str
    question: str
    edition: str
    outcome: str
    failures: list[Failure]
    steady: bool
    missing: int
    held: int
    criteria: int
    worst: dict[str, float]


@dataclass(frozen=True)
class Index:
    """All experiments.

    dtypes: those that at least one experiment has
    right: how many experiments are right in every dtype
    satisfied: how many meet all of their criteria
    """

    experiments: list[Row]
    dtypes: list[str]
    right: int
    satisfied: int

    @property
    def outcome(self) -> str:
        """Right if every experiment is right and meets its criteria, else wrong."""
        good = all(row.outcome == "right" and row.held == row.criteria for row in self.experiments)
        return "right" if good else "wrong"


def index_of(experiments: list[tuple[Manifest, pd.DataFrame]], dtypes: list[str]) -> Index:
    """Build the index of experiments from their manifests and errors.

    dtypes: all dtypes, in the order of the columns
    """
    rows = [_row(manifest, errors) for manifest, errors in experiments]
    return Index(
        experiments=rows,
        dtypes=[dtype for dtype in dtypes if any(dtype in row.worst for row in rows)],
        right=sum(row.outcome == "right" for row in rows),
        satisfied=sum(row.held == row.criteria for row in rows),
    )


def index_text(index: Index, *, suffix: str = "md", folder: str = "") -> str:
    """Return the index as Markdown.

    suffix: of the reports that the titles link to, md or html
    folder: the subfolder of an experiment that holds the files; a subfolder has no HTML pages
    """
    return render("index.md.j2", vars(index) | {"suffix": suffix, "folder": folder})


def _row(manifest: Manifest, errors: pd.DataFrame) -> Row:
    own = errors[(errors["sample"] == "trial") & (errors["comparison"] == "manual_vs_autograd")]
    held = [criterion["holds"] for criterion in manifest["acceptance"]]
    failing = [one for one in manifest["verdicts"] if one["outcome"] != "right"]
    worst = own.groupby("dtype", observed=True)["max_ulp"].max()
    return Row(
        name=manifest["experiment"],
        title=manifest["config"]["title"],
        question=manifest["config"]["question"],
        edition=edition(languages_of(manifest["config"])[0]),
        outcome=worst_outcome(manifest["verdicts"]),
        failures=[
            Failure(
                outcome,
                distinct(one["gradient"] for one in alike),
                distinct(one["dtype"] for one in alike),
            )
            for outcome, alike in grouped(failing, lambda one: str(one["outcome"]))
        ],
        steady=not any("calls_differ" in one for one in manifest["verdicts"]),
        missing=len(manifest.get("missing", [])),
        held=sum(held),
        criteria=len(held),
        worst={str(dtype): float(ulps) for dtype, ulps in worst.items()},
    )
