"""An explaining stage that fails leaves outputs that say so; the failures are real processes'."""

import errno
import os
import signal
import sys
import time
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.messages import Message
from autograd_by_hand.experiment.user_code import as_user_error
from autograd_by_hand.pipeline import child_process
from autograd_by_hand.pipeline.child_process import in_child
from autograd_by_hand.pipeline.receipts import all_code
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.missing import Missing, missing_in, write_missing
from tests.autograd_by_hand.pipeline.test_run_stage import Files

OUTPUTS = {"replay": "work/replay.json", "recorded": "work/recorded.safetensors"}


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("scripts").mkdir()
    Path("scripts/a.py").write_text("a = 1\n")
    Path("work").mkdir()


def run(stage: Any, rule: str = "dump_graph", **inputs: str) -> Missing | None:
    """Run a stage as a rule does; why its outputs are missing, all of them for one reason."""
    run_stage(
        stage,
        SimpleNamespace(
            rule=rule,
            log=["work/logs/stage.log"],
            wildcards={"dtype": "float32"},
            params={},
            resources={},
            input=Files(inputs),
            output=Files(OUTPUTS),
        ),
    )
    found = {missing_in(Path(path)) for path in OUTPUTS.values()}
    assert len(found) == 1
    return found.pop()


def log() -> str:
    return Path("work/logs/stage.log").read_text()


def receipt() -> Any:
    return read_json(Path("work/receipts/stage.json"))


def words(found: Missing | None) -> str:
    assert found is not None
    assert (found.stage, found.dtype, found.log) == ("dump_graph", "float32", "work/logs/stage.log")
    return str(found.words)


def whole(replay, recorded):
    write_json(replay, {"nodes": []})
    recorded.write_bytes(b"\2\0\0\0\0\0\0\0{}")


def test_a_stage_that_succeeds_leaves_its_outputs_and_nothing_to_say(capfd):
    assert run(whole) is None
    assert read_json(Path(OUTPUTS["replay"])) == {"nodes": []}
    assert log() == ""
    assert "missing" not in receipt()
    assert capfd.readouterr().err == ""


def test_what_a_stage_does_to_its_process_ends_with_it():
    def stage(replay, recorded):
        os.environ["LEFT_BEHIND"] = "1"
        whole(replay, recorded)

    run(stage)
    assert "LEFT_BEHIND" not in os.environ


def test_an_exception_of_ours_is_told_with_its_class_and_kept_with_its_traceback(capfd):
    def stage():
        raise KeyError((-1, 2))

    sentence = "could not be computed: KeyError: (-1, 2); please report"
    assert words(run(stage)) == sentence
    assert log().startswith("Traceback (most recent call last):\n")
    assert log().endswith("KeyError: (-1, 2)\n")
    assert f"dump_graph {sentence}. The verdict does not need it" in capfd.readouterr().err


def test_the_line_of_the_project_is_named_that_raised_it():
    Path("scripts/a.py").write_text("def fails():\n    return {}['x']\n")
    scope: dict[str, Any] = {}
    exec(compile(Path("scripts/a.py").read_text(), "scripts/a.py", "exec"), scope)  # noqa: S102
    assert "KeyError: 'x' (scripts/a.py:2)" in words(run(scope["fails"]))


def test_a_long_text_of_an_exception_is_cut():
    def stage():
        raise ValueError("long\n" * 1000)

    assert len(words(run(stage))) < 300


def test_a_sentence_of_ours_is_the_reason_and_nothing_to_report():
    def stage():
        raise UserError(Message("{path}:3: {what}.", path="forward.py", what=Message("fails")))

    found = run(stage)
    assert words(found) == "could not be computed: forward.py:3: fails"
    assert log() == "forward.py:3: fails.\n"
    assert isinstance(found and found.words, Message)


def test_a_stage_that_reads_what_no_other_reads_refuses_it(capfd):
    def stage():
        raise UserError("config.yaml: pitfalls: wrong.")

    with pytest.raises(SystemExit):
        run(stage, rule="try_pitfalls")
    assert log() == "config.yaml: pitfalls: wrong.\n"
    assert "config.yaml: pitfalls: wrong." in capfd.readouterr().err
    assert not Path("work/receipts/stage.json").exists()


@pytest.mark.parametrize(
    ("die", "sentence"),
    [
        (os.abort, "its process was ended by SIGABRT; please report"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "its process was ended by SIGSEGV; please report"),
        (lambda: os._exit(0), "its process ended itself with status 0"),
        (lambda: os._exit(3), "its process ended itself with status 3"),
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            "its process was killed (SIGKILL), as the system does when memory runs out",
        ),
    ],
)  # fmt: skip
def test_the_death_of_its_process_is_its_own(die, sentence):
    assert words(run(die)) == f"could not be computed: {sentence}"
    assert log()


def test_a_death_in_the_authors_code_is_told_with_its_line():
    Path("experiments/mine").mkdir(parents=True)
    path = Path("experiments/mine/backward.py")
    path.write_text("import os\ndef backward():\n    os.abort()\n")
    scope: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)  # noqa: S102
    found = words(run(scope["backward"]))
    assert found.endswith("its process was ended by SIGABRT at experiments/mine/backward.py:3")
    assert "Fatal Python error: Aborted" in log()


def test_what_it_had_written_when_it_died_does_not_count():
    def stage(replay, recorded):
        write_json(replay, {"nodes": []})
        (recorded.parent / f".{recorded.name}.torn").write_text("half")
        os.abort()

    run(stage)
    assert not [*Path("work").glob(".*")]


def test_an_answer_that_it_prints_is_none():
    def stage():
        print('{"kind": "done"}')
        sys.stdout.flush()
        os._exit(0)

    assert "ended itself with status 0" in words(run(stage))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_stops_a_stage_stops_the_run(number):
    before = signal.signal(number, signal.SIG_DFL)  # also under nohup
    try:
        with pytest.raises(SystemExit):
            run(lambda: os.kill(os.getpid(), number))
    finally:
        signal.signal(number, before)
    assert "interrupted; run snakemake again" in log()


def test_an_interrupt_of_its_own_process_ends_the_child(tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background

    def stage() -> str:
        (tmp_path / "child").write_text(str(os.getpid()))
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)
        return ""

    try:
        with pytest.raises(KeyboardInterrupt):
            in_child(stage)
    finally:
        signal.signal(signal.SIGINT, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "child").read_text()), 0)


def test_native_code_that_does_not_return_costs_its_part_only(monkeypatch):
    monkeypatch.setattr(child_process, "LOOKS", 0.05)

    def stage():
        with as_user_error(Path("forward.py"), 0.02):
            sum(repeat(0))  # a loop in C, which no alarm interrupts

    found = run(stage)
    assert words(found) == (
        "could not be computed: native code called at forward.py did not return within 5 times "
        "the time limit, so its process was ended"
    )
    assert "File" in log()
    assert receipt()["missing"] == all_code()  # the next run does not hang in it again


def test_a_full_disk_fails_the_run():
    def stage(replay):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(replay))

    with pytest.raises(SystemExit):
        run(stage)
    assert log().startswith("work/replay.json: cannot be written (No space left on device)")


def test_what_a_stage_needs_and_is_missing_is_the_reason_for_its_own_outputs():
    upstream = Missing("observe_operations", "float32", Message("could not be computed"), "a.log")
    write_missing(Path("work/operations.json"), upstream)
    Path("work/environment.json").write_text("{}")

    def stage(operations, environment):
        raise AssertionError((operations, environment))

    inputs = {"operations": "work/operations.json", "environment": "work/environment.json"}
    assert run(stage, rule="reveal_orders", **inputs) == upstream
    assert log() == "not computed, since work/operations.json is missing\n"


def test_a_failure_is_kept_until_code_changes():
    run(os.abort)
    assert receipt()["missing"] == all_code()


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def need_too_much() -> None:
    raise MemoryError


@pytest.mark.parametrize("lack", [kill_itself, need_too_much])
def test_a_lack_of_memory_is_not_kept(lack):
    run(lack)
    assert receipt()["missing"] == ""
