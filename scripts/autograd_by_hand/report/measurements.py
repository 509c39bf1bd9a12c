"""All data for the report of an experiment: its settings, and what the stages measured."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from autograd_by_hand.experiment.graph_listing import RecordedGraph
from autograd_by_hand.experiment.settings import (
    Argument,
    MadeTensor,
    SampleSpec,
    TensorSpec,
    gradient_names,
    shown_format,
)
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.replay.compare import Replay
from autograd_by_hand.replay.sum_table import SumRow
from autograd_by_hand.storage.attribution import Attribution
from autograd_by_hand.storage.manifest import Environment
from autograd_by_hand.storage.missing import Missing
from autograd_by_hand.storage.second_opinions import Opinion, Oracle
from autograd_by_hand.verdict.acceptance import Judgement, TriedPitfall
from autograd_by_hand.verdict.calls import Calls
from autograd_by_hand.verdict.error_histogram import Tails
from autograd_by_hand.verdict.gradient_facts import Arithmetic, Facts, TrialFacts, trial_facts
from autograd_by_hand.verdict.judge import VerdictOnGradient
from autograd_by_hand.verdict.tried_sizes import TriedSize

# A number that JSON lacks is text there, so that a figure for a reader may be "inf" or "nan".
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
    made: the tensors of the trial
    arguments: what forward and backward take besides tensors
    sizes: the verdicts at other sizes of the axes, empty if none are tried
    pitfalls: the verdicts on the config's pitfalls, empty if it has none
    pictures: why pictures are missing, by name
    missing: all that is missing; a `Missing` stands in its place, or for an attribution its reason
    surrogate: the file that is differentiated in place of forward.py, None if forward.py is
    computes_in: the dtype that backward computes in whatever it is given, None if in its inputs'
    """

    experiment: str
    title: str
    question: str
    specs: dict[str, TensorSpec]
    samples: dict[str, SampleSpec]
    dtypes: list[str]
    errors: dict[str, Errors]
    judgement: Judgement
    facts: dict[str, Facts]
    calls: dict[str, Calls]
    arithmetic: dict[str, Arithmetic]
    handed_over: dict[str, dict[str, int] | Missing]
    replay: dict[str, Replay | Missing]
    attribution: dict[str, Attribution]
    tails: dict[str, Tails]
    oracle: Oracle | Missing
    gradcheck: Opinion | Missing
    pitfalls: list[TriedPitfall] | Missing
    sizes: list[TriedSize] | Missing
    sums: list[SumRow] | Missing
    graph: RecordedGraph | Missing
    environment: Environment
    made: list[MadeTensor]
    arguments: dict[str, Argument]
    pictures: dict[str, Missing]
    missing: list[Missing]
    surrogate: str | None = None
    computes_in: str | None = None

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

    @property
    def replayed(self) -> dict[str, Replay]:
        """The replays that are not missing, by dtype."""
        return {dtype: one for dtype, one in self.replay.items() if not isinstance(one, Missing)}

    def no_numpy_sums(self, dtype: str) -> Missing | None:
        """Why the gradients with numpy's sums are missing in a dtype, None if they are not."""
        found = self.handed_over[dtype]
        return found if isinstance(found, Missing) else None

    def trial_facts(self, dtype: str) -> TrialFacts:
        """Return the facts about the trial in a dtype: `runs`, `result` and `gradients`."""
        return trial_facts(self.facts[dtype])

    @cached_property
    def by_parts(self) -> set[str]:
        """The names of the gradients that are complex, and judged by their parts."""
        complex_ = {one["name"] for one in self.made if one["dtype"].startswith("complex")}
        return {
            gradient for name, gradient in gradient_names(self.specs).items() if name in complex_
        }

    def named(self) -> dict[str, Any]:
        """Return the values that a discussion can use: the fields, and some derived from them."""
        follows = {name: getattr(self, name) for name in ("gradients", "shown", "precision")}
        return {each.name: getattr(self, each.name) for each in fields(self)} | follows

    @property
    def failing(self) -> list[VerdictOnGradient]:
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
