"""All data for the report of an experiment: its settings, and what the stages measured."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from autograd_by_hand.experiment.settings import gradient_names, shown_format
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.replay.sum_table import SumRow

# A JSON file that a stage wrote; its script's docstring describes it. JSON has no inf and no nan,
# so that a figure may be the text "inf" or "nan".
Json = dict[str, Any]
Figure = float | str
# A sample's errors over its runs, by (dtype, comparison, gradient): rows of `summarise`.
Errors = Mapping[tuple[str, str, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Measurements:
    """All data that a report is made from.

    errors: by sample
    facts, calls, arithmetic, handed_over, replay, attribution, tails: by dtype
    sums: as `described_sums` returns them
    graph: as dump_graph wrote it
    pitfalls: the verdicts on the config's pitfalls, empty if it has none
    """

    experiment: str
    title: str
    question: str
    specs: Json
    samples: Json
    dtypes: list[str]
    errors: dict[str, Errors]
    judgement: Json
    facts: dict[str, Json]
    calls: dict[str, Json]
    arithmetic: dict[str, Json]
    handed_over: dict[str, Json]
    replay: dict[str, Json]
    attribution: dict[str, Json]
    tails: dict[str, Json]
    oracle: Json
    gradcheck: Json
    pitfalls: list[Json]
    sums: list[SumRow]
    graph: Json
    environment: Json

    @cached_property
    def gradients(self) -> list[str]:
        """The names of the gradients on trial."""
        return list(gradient_names(self.specs).values())

    @cached_property
    def shown(self) -> str:
        """The dtype that the report shows in full."""
        return shown_format(self.dtypes)

    @cached_property
    def precision(self) -> dict[str, int]:
        """The bits of each dtype's significand."""
        return {dtype: precision(dtype) for dtype in self.dtypes}

    @property
    def runs(self) -> int:
        """The number of runs of the trial."""
        return int(self.samples["trial"]["runs"])

    @property
    def closely(self) -> int:
        """The number of the trial's first runs, which are fully analysed."""
        return int(self.trial_facts(self.shown)["runs"])

    def trial_facts(self, dtype: str) -> Json:
        """Return the facts about the trial in a dtype: `runs`, `result` and `gradients`."""
        facts: Json = self.facts[dtype]["samples"]["trial"]
        return facts

    def named(self) -> Json:
        """Return the values that a discussion can use: the fields, and some derived from them."""
        follows = {name: getattr(self, name) for name in ("gradients", "shown", "precision")}
        return {each.name: getattr(self, each.name) for each in fields(self)} | follows

    @property
    def failing(self) -> list[Json]:
        """The verdicts that are not right."""
        return [one for one in self.judgement["verdicts"] if one["outcome"] != "right"]

    def greatest(self, dtype: str, comparison: str, measure: str) -> float:
        """Return the greatest error of any gradient in any run of the trial."""
        rows = self.errors["trial"]
        found = (rows[dtype, comparison, name][f"{measure}_max"] for name in self.gradients)
        return max(map(float, found))

    def equal_gradients(self, dtype: str) -> list[str]:
        """Return the gradients that equal autograd's in every element of every run of the trial."""
        rows = self.errors["trial"]
        return [
            name
            for name in self.gradients
            if rows[dtype, "manual_vs_autograd", name]["max_abs_max"] == 0
        ]
