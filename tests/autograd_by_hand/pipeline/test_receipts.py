"""Receipts: which jobs stand, and what makes one fall."""

import json
import os
from pathlib import Path

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.pipeline.receipts import Job, all_code, begin, end, renew_recipes


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job that has made two files of two, by its recipe."""
    monkeypatch.chdir(tmp_path)
    made = Job(
        "copy",
        "work/logs/copy.log",
        ["one.txt", "two.txt", "work/recipes/copy.json"],
        ["a.txt", "b.txt"],
    )
    Path("one.txt").write_text("1")
    Path("two.txt").write_text("2")
    renew_recipes([(made, {"code": "c"})])
    do(made)
    return made


def do(job: Job) -> None:
    begun = begin(job)
    for path, source in zip(job.outputs, job.inputs, strict=False):
        Path(path).write_text(f"of {Path(source).read_text()}")
    end(job, begun)


def renewed(job: Job, **ingredients: object) -> tuple[list[str], bool]:
    """What is said of the job, and whether its recipe was written anew."""
    before = job.recipe.read_text()
    said = renew_recipes([(job, {"code": "c"} | ingredients)])
    return said, job.recipe.read_text() != before


def test_a_job_that_did_nothing_else_stands(job: Job) -> None:
    assert renewed(job) == ([], False)
    os.utime("one.txt", (1, 1))
    Path("a.txt").touch()
    assert renewed(job) == ([], False)


def test_a_job_that_never_ran_is_left_to_snakemake(job: Job) -> None:
    other = Job("other", "work/logs/other.log", ["a.txt"], ["c.txt"])
    assert renew_recipes([(other, {})]) == []
    assert json.loads(other.recipe.read_text())["of"] == {"inputs": ["a.txt"]}
    assert renewed(job) == ([], False)
    before = other.recipe.stat().st_mtime_ns
    renew_recipes([(other, {})])
    assert other.recipe.stat().st_mtime_ns == before


@pytest.mark.parametrize("file", ["a.txt", "b.txt"])
def test_a_spoilt_output_is_told_and_asked_for_once(job: Job, file: str) -> None:
    Path(file).write_text("of x")
    assert renewed(job) == ([f"{file}: was damaged or edited; it is made again."], True)
    assert renewed(job) == ([f"{file}: was damaged or edited; it is made again."], False)
    do(job)
    assert renewed(job) == ([], False)


def test_a_missing_output_is_told(job: Job) -> None:
    Path("b.txt").unlink()
    assert renewed(job) == (["b.txt: is missing; it is made again."], True)


def test_a_byte_changed_behind_the_dates_is_seen(job: Job) -> None:
    status = Path("a.txt").stat()
    Path("a.txt").write_text("of 3")
    os.utime("a.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert renewed(job) == (["a.txt: was damaged or edited; it is made again."], True)


@pytest.mark.parametrize("file", ["one.txt", "two.txt"])
def test_a_changed_input_is_seen_whatever_its_date(job: Job, file: str) -> None:
    Path(file).write_text("9")
    os.utime(file, (1, 1))
    assert renewed(job) == ([], True)
    do(job)
    assert renewed(job) == ([], False)


def test_other_ingredients_are_seen(job: Job) -> None:
    assert renewed(job, code="d") == ([], True)


def test_swapped_ingredients_are_seen(job: Job) -> None:
    assert renewed(job, low="1", high="2") == ([], True)
    assert renewed(job, low="2", high="1") == ([], True)


def test_the_order_of_ingredients_is_seen(job: Job) -> None:
    assert renewed(job, x="1", W="2") == ([], True)
    assert renewed(job, W="2", x="1") == ([], True)


def test_other_inputs_are_seen(job: Job) -> None:
    more = Job(job.rule, job.log, [*job.inputs, "a.txt"], job.outputs)
    assert renewed(more) == ([], True)


def test_outputs_without_a_receipt_are_made_again(job: Job) -> None:
    job.receipt.unlink()
    assert renewed(job) == ([], True)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"rule": 1}', "\ufeff", "null"])
def test_a_damaged_receipt_is_none(job: Job, damage: str) -> None:
    job.receipt.write_text(damage)
    assert renewed(job) == ([], True)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"token": "0"}', '{"of": {}}'])
def test_a_damaged_recipe_is_written_anew(job: Job, damage: str) -> None:
    job.recipe.write_text(damage)
    assert renewed(job) == ([], True)
    assert json.loads(job.recipe.read_text())["of"] == {"code": "c", "inputs": job.inputs}


def test_a_recipe_written_anew_has_bytes_that_no_recipe_had_before(job: Job) -> None:
    seen = {job.recipe.read_bytes()}
    for lost in (["a.txt"], ["a.txt", str(job.recipe)], [str(job.receipt), str(job.recipe)]):
        for path in lost:
            Path(path).unlink()
        renew_recipes([(job, {"code": "c"})])
        assert job.recipe.read_bytes() not in seen
        seen.add(job.recipe.read_bytes())
        do(job)


def test_outputs_are_dated_before_the_recipe_that_asks_for_them(job: Job) -> None:
    os.utime("a.txt", (2**32, 2**32))
    Path("one.txt").write_text("9")
    renewed(job)
    assert Path("a.txt").stat().st_mtime < job.recipe.stat().st_mtime


@pytest.mark.usefixtures("job")
def test_an_input_that_is_not_what_its_job_wrote_is_refused() -> None:
    after = Job("after", "work/logs/after.log", ["a.txt"], ["c.txt"])
    Path("a.txt").write_text("of 7")
    with pytest.raises(UserError, match=r"a\.txt: is not what copy wrote; run snakemake again"):
        begin(after)


def test_an_input_changed_meanwhile_is_refused_and_leaves_no_receipt(job: Job) -> None:
    begun = begin(job)
    Path("one.txt").write_text("later")
    with pytest.raises(UserError, match=r"one\.txt: was changed while copy ran"):
        end(job, begun)
    assert not job.receipt.exists()


def test_an_input_touched_meanwhile_is_no_change(job: Job) -> None:
    begun = begin(job)
    Path("one.txt").touch()
    end(job, begun)
    assert renewed(job) == ([], False)


@pytest.mark.usefixtures("job")
def test_a_recipe_that_cannot_be_written_is_a_sentence() -> None:
    Path("file").write_text("")
    within = Job("within", "file/logs/within.log", [], ["c.txt"])
    with pytest.raises(UserError, match=r"file/recipes/within\.json: cannot be written"):
        renew_recipes([(within, {})])


def leave_missing(job: Job, missing: str) -> None:
    begun = begin(job)
    for path in job.outputs:
        Path(path).write_text("missing")
    end(job, begun, missing)


def test_outputs_that_say_they_are_missing_stand_until_any_code_changes(job: Job) -> None:
    Path("scripts").mkdir()
    Path("scripts/a.py").write_text("a = 1")
    all_code.cache_clear()
    leave_missing(job, all_code())
    assert renewed(job) == ([], False)
    Path("scripts/a.py").write_text("a = 2")
    all_code.cache_clear()
    assert renewed(job) == ([], True)
    do(job)
    assert renewed(job) == ([], False)


def test_outputs_that_lacked_memory_do_not_stand(job: Job) -> None:
    leave_missing(job, "")
    assert renewed(job) == ([], True)
