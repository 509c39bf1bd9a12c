"""What a request contains: verdicts, experiments that cannot be run, and names that do not exist."""

from typing import Any

import pytest

from autograd_by_hand.pipeline.inputs import Experiments
from autograd_by_hand.pipeline.requested import accepted, refused, what_is_wrong

CONFIG: Any = {}
EXPERIMENTS = Experiments({"one": CONFIG, "two": CONFIG})
SOME_BROKEN = Experiments(
    {"good": CONFIG}, None, {"bad": "bad: a.", "worse": "worse: b.\nworse: c."}
)


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("experiments/one/REPORT.md", ["one"]),
        ("./experiments/one/REPORT.es.html", ["one"]),
        ("experiments/two/manifest.json", ["two"]),
        ("archives/two.tar.gz", ["two"]),
        ("experiments/README.md", ["one", "two"]),
        ("experiments/index.html", ["one", "two"]),
        ("archive", ["one", "two"]),
        ("all", []),  # which asks for it itself
        ("experiments/one/errors.csv", []),
        ("experiments/one/work/judgement.json", ["one"]),
        ("experiments/one/work/mistakes.json", ["one"]),
        ("experiments/one/figures/graph.svg", []),
        ("experiments/three/REPORT.md", []),
        ("experiments/schema.yaml", []),
        ("generate_tensors", []),
    ],
)
def test_whose_verdict_a_target_tells(target: str, names: list[str]) -> None:
    files = [f"experiments/{name}/work/accepted.txt" for name in names]
    assert accepted(EXPERIMENTS, [target]) == files
    assert accepted(EXPERIMENTS, [target, target]) == files


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("experiments/bad/REPORT.html", "bad: a."),
        ("./experiments/worse/work/draws.safetensors", "worse: b.\nworse: c."),
        ("archives/bad.tar.gz", "bad: a."),
        ("experiments/index.html", "bad: a.\nworse: b.\nworse: c."),
        ("write_index", "bad: a.\nworse: b.\nworse: c."),
        (
            "experiments/goood/REPORT.md",
            "experiments/goood/REPORT.md: there is no experiment goood; did you mean good?",
        ),
        (
            "archives/x.tar.gz",
            "archives/x.tar.gz: there is no experiment x; there is good.",
        ),
        ("experiments/good/REPORT.html", None),
        ("experiments/schema.yaml", None),
        ("experiments/work/recipes/write_index.json", None),
        ("archive", None),
        ("all", None),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(target: str, sentence: str | None) -> None:
    assert refused(SOME_BROKEN, [target]).get(target) == sentence


@pytest.mark.parametrize(
    ("targets", "sentences"),
    [
        ([], ["bad: a.", "worse: b.\nworse: c."]),
        (["archive"], ["bad: a.", "worse: b.\nworse: c."]),
        (["experiments/good/REPORT.md"], []),
        (["experiments/good/REPORT.md", "experiments/bad/REPORT.md"], ["bad: a."]),
        (["experiments/bad/REPORT.md", "experiments/bad/REPORT.html"], ["bad: a."]),
    ],
)
def test_a_broken_experiment_is_the_affair_of_those_who_ask_for_it(
    targets: list[str], sentences: list[str]
) -> None:
    assert what_is_wrong(SOME_BROKEN, targets) == sentences
