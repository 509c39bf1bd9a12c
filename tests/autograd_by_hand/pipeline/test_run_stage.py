import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autograd_by_hand.core import last_call
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from autograd_by_hand.core.last_call import note
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.user_code import call, load_function
from autograd_by_hand.pipeline import child_process
from autograd_by_hand.pipeline.receipts import ORDER_ONLY
from autograd_by_hand.pipeline.run_stage import REPORTED_BY_RUN, run_stage

LONG = 30.0  # seconds


class Files(dict[str, Any]):
    """Files by name, whose values come one after another as Snakemake's do."""

    def __iter__(self):
        for value in self.values():
            yield from [value] if isinstance(value, str) else value

    def __getitem__(self, place):
        return [*self][place]


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    """A project's root to work in, where the files are that the rules here name."""
    monkeypatch.chdir(tmp_path)
    for name in ("a/draws", "a/gradients", "a/b", "a/c"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)


def rule(tmp_path: Path, **values: Any) -> SimpleNamespace:
    """What Snakemake hands over: each part a mapping, and a log."""
    names = ("wildcards", "params", "resources")
    parts = {name: values.get(name, {}) for name in names}
    parts |= {name: Files(values.get(name, {})) for name in ("input", "output")}
    log = [str(tmp_path / "logs" / "stage.log")]
    return SimpleNamespace(rule="stage", log=log, **parts)


def run_failing(tmp_path: Path, error: Exception) -> str:
    """Run a stage that raises `error`; the log that it leaves."""

    def stage() -> None:
        raise error

    with pytest.raises(SystemExit) as ending:
        run_stage(stage, rule(tmp_path, output={"made": "a/made"}))
    assert ending.value.code == 1
    return (tmp_path / "logs" / "stage.log").read_text(encoding="utf-8")


def test_arguments_are_bound_by_name_from_every_part_of_the_rule(tmp_path):
    got = {}

    def stage(dtype, needed, mem_mb, draws, gradients):
        got.update(locals())

    run_stage(
        stage,
        rule(
            tmp_path,
            wildcards={"dtype": "float32"},
            params={"needed": ["x"]},
            resources={"mem_mb": 60},
            input={"draws": "a/draws"},
            output={"gradients": "a/gradients"},
        ),
    )
    assert {name: got[name] for name in ("dtype", "needed", "mem_mb", "draws", "gradients")} == {
        "dtype": "float32",
        "needed": ["x"],
        "mem_mb": 60,
        "draws": Path("a/draws"),
        "gradients": Path("a/gradients"),
    }


def test_several_files_of_one_name_are_a_list_of_paths(tmp_path):
    got = []

    def stage(facts):
        got.extend(facts)

    run_stage(stage, rule(tmp_path, input={"facts": ["a/b", "a/c"]}))
    assert got == [Path("a/b"), Path("a/c")]


def test_a_parameter_that_is_text_stays_text(tmp_path):
    got = []

    def stage(title):
        got.append(title)

    run_stage(stage, rule(tmp_path, params={"title": "a/b"}))
    assert got == ["a/b"]


def test_what_the_stage_does_not_ask_for_is_left_out(tmp_path):
    got = []

    def stage(title):
        got.append(title)

    run_stage(stage, rule(tmp_path, params={"title": "t", "code": "hash"}))
    assert got == ["t"]


def test_success_empties_the_log(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "stage.log").write_text("an old complaint")
    run_stage(lambda: None, rule(tmp_path))
    assert (tmp_path / "logs" / "stage.log").read_text() == ""


def test_a_refusal_is_one_sentence_in_the_log_and_on_the_screen(tmp_path, capsys):
    sentence = "forward.py:3: is wrong; mend it."
    assert run_failing(tmp_path, UserError(sentence)) == f"{sentence}\n"
    printed = capsys.readouterr()
    assert printed.err == f"\n{sentence}\n\n"
    assert printed.out == ""


def test_a_refusal_that_has_another_error_behind_it_shows_no_traceback(tmp_path, capsys):
    def stage():
        raise UserError("in front") from KeyError("behind")

    with pytest.raises(SystemExit):
        run_stage(stage, rule(tmp_path))
    log = (tmp_path / "logs" / "stage.log").read_text()
    assert log == "in front\n"
    assert "Traceback" not in capsys.readouterr().err


def test_any_other_error_keeps_its_traceback(tmp_path, capsys):
    log = run_failing(tmp_path, ValueError("a defect of ours"))
    assert log.startswith("Traceback (most recent call last):\n")
    assert log.endswith("ValueError: a defect of ours\n")
    assert Path(__file__).name in log
    assert log in capsys.readouterr().err


def test_an_argument_that_the_rule_does_not_have_is_a_defect_of_ours(tmp_path):
    with pytest.raises(SystemExit):
        run_stage(lambda absent: None, rule(tmp_path))  # noqa: ARG005
    assert "KeyError: 'absent'" in (tmp_path / "logs" / "stage.log").read_text()


@pytest.mark.parametrize("resources", [{}, {"time_limit": 60}], ids=["ours", "the author's"])
def test_an_interrupt_is_a_sentence(tmp_path, resources):
    def stage():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit):
        run_stage(stage, rule(tmp_path, resources=resources))
    log = (tmp_path / "logs" / "stage.log").read_text()
    assert log == "stage: interrupted; run snakemake again to continue from here.\n"


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES]
)
def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path, number):
    error = OSError(number, os.strerror(number), "a/file")
    log = run_failing(tmp_path, error)
    assert log.startswith(
        f"a/file: cannot be written ({os.strerror(number)}); what was there before"
    )
    assert log.count("\n") == 1


def test_another_error_of_the_system_keeps_its_traceback(tmp_path):
    assert run_failing(tmp_path, OSError(errno.ECONNRESET, "reset")).startswith("Traceback")


def test_a_log_that_cannot_be_written_keeps_no_reason_from_the_screen(tmp_path, capsys):
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(SystemExit):
        run_stage(lambda: None, rule(tmp_path))
    assert "Traceback" in capsys.readouterr().err


def test_success_leaves_a_receipt_and_failure_none(tmp_path):
    made = rule(tmp_path, input={"facts": "a/b"}, output={"gradients": "a/gradients"})
    receipt = tmp_path / "receipts/stage.json"
    run_stage(lambda: None, made)
    assert set(read_json(receipt)["inputs"]) == {"a/b"}
    assert set(read_json(receipt)["outputs"]) == {"a/gradients"}
    with pytest.raises(SystemExit):
        run_stage(lambda absent: None, made)  # noqa: ARG005
    assert not receipt.exists()


def test_a_writer_that_was_killed_leaves_nothing_for_long(tmp_path):
    torn = tmp_path / "a/.gradients.abc123"
    torn.write_text("half")
    run_stage(lambda: None, rule(tmp_path, output={"gradients": "a/gradients"}))
    assert not torn.exists()


def test_what_a_job_only_waits_for_is_no_part_of_what_it_is_made_of(tmp_path):
    made = rule(tmp_path, input={"facts": "a/b", ORDER_ONLY: "a/c"}, output={"made": "a/gradients"})
    run_stage(lambda: None, made)
    assert set(read_json(tmp_path / "receipts/stage.json")["inputs"]) == {"a/b"}


@pytest.mark.parametrize(
    ("by_run", "aloud"), [("", True), ("other", True), ("stage", False), ("all", False)]
)
def test_a_run_that_reports_failures_itself_is_not_anticipated(
    tmp_path, capsys, monkeypatch, by_run, aloud
):
    monkeypatch.setenv(REPORTED_BY_RUN, by_run)
    assert run_failing(tmp_path, UserError("It is wrong.")) == "It is wrong.\n"
    assert capsys.readouterr().err == ("\nIt is wrong.\n\n" if aloud else "")


def test_a_reason_that_cannot_be_logged_is_always_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(REPORTED_BY_RUN, "all")
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(SystemExit):
        run_stage(lambda: None, rule(tmp_path))
    assert "Traceback" in capsys.readouterr().err


def authors(tmp_path: Path) -> SimpleNamespace:
    """A rule whose stage executes the author's code, so that it may die."""
    return rule(tmp_path, resources={"time_limit": 60}, output={"made": "a/made"})


def test_a_stage_with_the_authors_code_writes_its_files_and_its_receipt(tmp_path):
    def stage(made: Path) -> None:
        made.write_text("made")

    run_stage(stage, authors(tmp_path))
    assert Path("a/made").read_text() == "made"
    assert set(read_json(tmp_path / "receipts/stage.json")["outputs"]) == {"a/made"}


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (
            lambda: os.kill(os.getpid(), 9),
            "the process was ended by SIGKILL in stage, which called",
        ),
        (
            os.abort,
            "the process was ended by SIGABRT in stage, which called this file last: native",
        ),
        (lambda: os._exit(0), "the process ended itself with status 0 in stage, which called"),
        (lambda: os._exit(1), "the process ended itself with status 1 in stage, which called"),
    ],
)
def test_the_death_of_a_stages_process_is_a_sentence(tmp_path, monkeypatch, act, sentence):
    monkeypatch.setattr(last_call, "_page", None)

    def stage(made: Path) -> None:  # noqa: ARG001
        note("experiments/one/backward.py", LONG)
        act()

    with pytest.raises(SystemExit) as ending:
        run_stage(stage, authors(tmp_path))
    assert ending.value.code == 1
    log = (tmp_path / "logs/stage.log").read_text()
    assert log.startswith(f"experiments/one/backward.py: {sentence}")
    assert log.count("\n") == 1


def test_native_code_that_does_not_return_is_ended_and_said_with_its_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(last_call, "_page", None)
    monkeypatch.setattr(child_process, "LOOKS", 0.05)
    path = Path("experiments/one/backward.py")
    path.parent.mkdir(parents=True)
    path.write_text("from itertools import repeat\n\n\ndef backward():\n    sum(repeat(0))\n")

    def stage(made: Path) -> None:  # noqa: ARG001
        call(load_function(path, "backward", Given((), {}), LONG), path, {}, 0.02)

    with pytest.raises(SystemExit):
        run_stage(stage, authors(tmp_path))
    assert (tmp_path / "logs/stage.log").read_text() == (
        f"{path}:5: native code did not return within 5 times the time limit in stage, so "
        "the process was ended; mend the loop or raise time_limit in experiments/one/config.yaml.\n"
    )


def test_a_mistake_in_the_authors_code_is_logged_once(tmp_path, capfd):
    def stage(made: Path) -> None:
        raise UserError(f"{made}: is wrong.")

    with pytest.raises(SystemExit):
        run_stage(stage, authors(tmp_path))
    assert (tmp_path / "logs/stage.log").read_text() == "a/made: is wrong.\n"
    assert capfd.readouterr().err.count("is wrong") == 1
