"""The index of experiments: what each asked, what came out, and how far the bits differ."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from autograd_by_hand.experiment.settings import edition, languages_of
from autograd_by_hand.verdict.judge import worst_outcome


@dataclass(frozen=True)
class Index:
    """All experiments, as templates/index.md.j2 has them; dtypes: those that some of them have."""

    experiments: list[dict[str, Any]]
    dtypes: list[str]

    @property
    def outcome(self) -> str:
        """Right if every experiment is, and meets its criteria; else wrong."""
        good = all(one["outcome"] == "right" and one["holds"] for one in self.experiments)
        return "right" if good else "wrong"


def index_of(experiments: list[tuple[dict[str, Any], pd.DataFrame]], dtypes: list[str]) -> Index:
    """The index of experiments, each by its manifest and its errors.

    dtypes: all formats, in the order of the columns
    """
    rows = [_row(manifest, errors) for manifest, errors in experiments]
    return Index(rows, [dtype for dtype in dtypes if any(dtype in row["worst"] for row in rows)])


def _row(manifest: dict[str, Any], errors: pd.DataFrame) -> dict[str, Any]:
    own = errors[(errors["sample"] == "trial") & (errors["comparison"] == "manual_vs_autograd")]
    held = [criterion["holds"] for criterion in manifest["acceptance"]]
    return {
        "name": manifest["experiment"],
        "title": manifest["config"]["title"],
        "question": manifest["config"]["question"],
        "edition": edition(languages_of(manifest["config"])[0]),
        "verdicts": manifest["verdicts"],
        "outcome": worst_outcome(manifest["verdicts"]),
        "held": sum(held),
        "criteria": len(held),
        "holds": all(held),
        "worst": own.groupby("dtype")["max_ulp"].max().to_dict(),
    }
