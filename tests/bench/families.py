"""Count the mistakes that each family identifies and no other family does.

Each operator's mistakes, at scale 1 in float64, are named with all families, and again without each
family that named one of them. The table counts, for the gradients that a family names, how many
get no name without it, how many a wrong kind of mistake, and how many other words of the same kind.
A search that runs out of time may find more when another family is left out.

Usage: python -m tests.bench.families [eight | twelve | third | fourth] [operator ...] [FILE.json]

FILE.json receives each name, and the name that replaces it without the family.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.diagnosis.backward_search import FAMILIES as BACKWARD
from autograd_by_hand.diagnosis.backward_search import FITTED
from autograd_by_hand.diagnosis.error_patterns import VAGUE
from autograd_by_hand.diagnosis.forward_search import searches
from autograd_by_hand.diagnosis.measured import Measured
from autograd_by_hand.diagnosis.mistake import Mistake
from autograd_by_hand.diagnosis.trial import Trial as Search
from autograd_by_hand.diagnosis.value_patterns import EXACT
from autograd_by_hand.verdict.judge import wrong_and_right
from tests.operators import asked
from tests.operators.case import Edit, Operator
from tests.operators.trial import LIMIT, Trial

FAMILIES = [
    *(f"values: {name}" for name in EXACT),
    "precision",
    *(f"backward: {name}" for name in (*BACKWARD, FITTED, "forwards")),
    *(f"forward: {name}" for name in searches(0.0)),
    *(f"errors: {name}" for name in VAGUE),
]
GROUPS = ("values", "precision", "backward", "forward", "errors")


@dataclass(frozen=True)
class Case:
    """One wrong gradient: its name, and its name without a family or group."""

    operator: str
    mistake: str
    gradient: str
    made: str  # the kind of the mistake, or several divided by "|"
    without: str
    named: Mistake
    instead: Mistake

    def is_right(self, one: Mistake) -> bool:
        """Whether a name is of the kind of the mistake."""
        return one.kind in self.made.split("|")

    def outcome(self) -> str:
        """The effect of leaving the family out: a column of the table."""
        if (self.instead.kind, self.instead.name) == (self.named.kind, self.named.name):
            return "the same"
        if self.instead.kind == "unknown":
            return "no name"
        if self.is_right(self.named) and not self.is_right(self.instead):
            return "a wrong kind"
        if self.is_right(self.instead) and not self.is_right(self.named):
            return "a right kind"
        return "other words"


def main(operators: list[Operator], file: Path | None) -> None:
    """Print the table as Markdown."""
    cases = list[Case]()
    for operator in operators:
        with tempfile.TemporaryDirectory() as folder:
            trial = Trial(Path(folder), operator, 1.0, ["float64"])
            for edit in operator.mistakes:
                cases += _cases(trial, edit)
        print(f"{operator.name}: {len(cases)}", file=sys.stderr, flush=True)
        if file:
            write_json(file, [_plain(case) for case in cases])
    columns = ("no name", "a wrong kind", "other words", "a right kind", "the same")
    print(f"| without | named | of the right kind | {' | '.join(columns)} |")
    print("|---|" + "---:|" * (2 + len(columns)))
    for without in (*GROUPS, *FAMILIES):
        own = [case for case in cases if case.without == without]
        counts = defaultdict[str, int](int)
        for case in own:
            counts[case.outcome()] += 1
        right = sum(case.is_right(case.named) for case in own)
        cells = [len(own), right, *(counts[column] for column in columns)]
        label = f"**all of {without}**" if without in GROUPS else without
        print(f"| {label} | {' | '.join(map(str, cells))} |")


def _cases(trial: Trial, edit: Edit) -> list[Case]:
    trial.measure(edit.apply(trial.operator.backward))
    named = {gradient: one for gradient, one in _named(trial, ()).items() if one.family}
    found = list[Case]()
    families = dict.fromkeys(one.family for one in named.values())
    groups = dict.fromkeys(family.partition(":")[0] for family in families)
    for without in {**groups, **families}:
        inside = [one for one in FAMILIES if one == without or one.startswith(f"{without}: ")]
        instead = _named(trial, inside)
        for gradient, one in named.items():
            other = instead[gradient]
            if one.family in inside:
                made = trial.operator.name, edit.name, f"d{gradient}", edit.slip
                found.append(Case(*made, without, one, other))
    return found


def _named(trial: Trial, without: Collection[str]) -> dict[str, Mistake]:
    in_float64 = trial.work / "float64"
    facts, calls = (in_float64 / f"{name}.json" for name in ("facts", "calls"))
    known = read_json(facts)["samples"]["trial"]["gradients"]
    wrong, right = wrong_and_right(known, read_json(calls))
    search = Search.read(
        trial.forward,
        trial.backward,
        trial.work / "draws.safetensors",
        trial.work / "cotangents.safetensors",
        in_float64 / "manual.safetensors",
        in_float64 / "reference.safetensors",
        trial.needed,
        LIMIT,
        without,
    )
    measured = {name: Measured.of(known[f"d{name}"]) for name in wrong}
    return search.named(wrong, right, measured)


def _plain(case: Case) -> dict[str, object]:
    return {
        "operator": case.operator,
        "mistake": case.mistake,
        "gradient": case.gradient,
        "made": case.made,
        "without": case.without,
        "outcome": case.outcome(),
        "named": case.named.as_json(),
        "instead": case.instead.as_json(),
        "family": case.named.family,
        "other_family": case.instead.family,
    }


if __name__ == "__main__":
    files = [one for one in sys.argv[1:] if one.endswith(".json")]
    chosen = asked([one for one in sys.argv[1:] if one not in files])
    main(chosen, next(map(Path, files), None))
