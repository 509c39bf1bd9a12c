"""What jobs are given: a reader can follow each list by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.pipeline.inputs import Experiments

CONFIG: Any = {
    "title": "One",
    "tensors": {"x": {"shape": [2], "requires_grad": True}, "b": {"shape": [2]}},
    "samples": {"trial": {"runs": 103}, "example": {"runs": 101}},
    "dtypes": ["float16", "float32"],
    "languages": ["es", "en"],
    "chunk": 2,
}
ONE = SimpleNamespace(experiment="one")


@pytest.fixture
def experiments() -> Experiments:
    two = CONFIG | {"dtypes": ["float16"], "pitfalls": [{}]}
    return Experiments({"two": two, "one": CONFIG})


def test_files_come_per_dtype_per_judged_dtype_and_per_chunk(experiments: Experiments) -> None:
    work = "experiments/one/work"
    assert experiments.per_dtype("a")(ONE) == [f"{work}/float16/a", f"{work}/float32/a"]
    assert experiments.per_judged("a")(ONE) == [f"{work}/{d}/a" for d in experiments.judged(ONE)]
    assert experiments.judged(ONE) == ["float64", "float16", "float32"]
    trial = [f"{work}/chunks/trial.100-102.csv", f"{work}/chunks/trial.102-103.csv"]
    example = [f"{work}/chunks/example.100-101.csv"]
    assert experiments.per_chunk(".csv")(ONE) == trial + example
    assert experiments.per_chunk(".csv", sample="example")(ONE) == example
    assert experiments.shown("a")(ONE) == f"{work}/float32/a"
    assert experiments.shown("a")(SimpleNamespace(experiment="two")).endswith("two/work/float16/a")


def test_a_size_of_chunks_for_all_stands_above_the_configs(experiments: Experiments) -> None:
    assert experiments.chunks(ONE)[0] == ("trial", 100, 102)
    assert Experiments(experiments.configs, 3).chunks(ONE)[0] == ("trial", 100, 103)


@pytest.mark.parametrize("size", [0, -1, "2", 1.5])
def test_a_size_of_chunks_that_is_none_is_a_sentence(size: object) -> None:
    with pytest.raises(UserError, match=f"--config chunk={size}: must be a whole number"):
        Experiments.read(size)


def test_settings_are_those_of_the_jobs_experiment(experiments: Experiments) -> None:
    assert experiments.setting("title")(ONE) == "One"
    assert experiments.setting("nothing", 7)(ONE) == 7
    assert (experiments.needed(ONE), experiments.gradients(ONE)) == (["x"], ["dx"])
    assert "chunk" not in experiments.settings_of_results(ONE)
    assert experiments.names == ["one", "two"]
    assert experiments.of_all("a") == ["experiments/one/a", "experiments/two/a"]


def test_the_first_language_is_the_reports(experiments: Experiments) -> None:
    assert experiments.editions(ONE) == [".es", ""]
    assert experiments.report(ONE) == "experiments/one/REPORT.es.md"
    assert experiments.reports()["two"] == "experiments/two/REPORT.es.md"
    for edition, language, words in (("", "en", []), (".es", "es", ["templates/locale/es.po"])):
        wildcards = SimpleNamespace(experiment="one", edition=edition)
        assert experiments.language(wildcards) == language
        assert experiments.catalogue(wildcards) == words


def test_of_the_authors_files_those_are_there_that_were_written(
    experiments: Experiments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("experiments/one")
    folder.mkdir(parents=True)
    for name in ("derivation.es.md", "config.yaml", "notes.md"):
        (folder / name).write_text("")
    expected = [f"{folder}/config.yaml", f"{folder}/derivation.es.md"]
    assert experiments.written_by_author(ONE) == expected


def test_pitfalls_are_cached_where_there_are_some(experiments: Experiments) -> None:
    two = SimpleNamespace(experiment="two")
    assert "experiments/two/work/pitfalls.json" in experiments.cached(two)
    assert experiments.pitfalls(ONE) == []
    assert not [path for path in experiments.cached(ONE) if "pitfalls" in path]


def test_outputs_are_told_language_by_language(experiments: Experiments) -> None:
    rule = SimpleNamespace(output=["experiments/{experiment}/REPORT{edition}.md"])
    assert experiments.outputs(rule)(ONE) == [
        "experiments/one/errors.csv",
        "experiments/one/REPORT.es.md",
        "experiments/one/REPORT.md",
    ]
