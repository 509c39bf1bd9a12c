"""What is said of a process that died: where, how, and what it means."""

from pathlib import Path

import pytest

from autograd_by_hand.pipeline.child_process import Ended
from autograd_by_hand.pipeline.died import MEANINGS, why_died

BACKWARD = "experiments/one/backward.py"


def died(
    tmp_path: Path, status: int, line: int = 0, called: str = BACKWARD, printed: str = ""
) -> str:
    path = tmp_path / BACKWARD
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    output = tmp_path / "stage.out"
    output.write_text(printed)
    stack = f'  File "{path}", line {line} in backward\n' if line else ""
    return why_died("stage", Ended(None, status, stack), called, output)


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("ending", MEANINGS)
def test_a_signal_is_said_with_its_meaning_and_the_line(tmp_path, ending):
    assert died(tmp_path, -ending, line=3) == (
        f"{BACKWARD}:3: the process was ended by {ending.name} in stage: {MEANINGS[ending]}."
    )


def test_a_signal_that_leaves_no_stack_is_said_with_what_was_called_last(tmp_path):
    assert died(tmp_path, -9) == (
        f"{BACKWARD}: the process was ended by SIGKILL in stage, which called this file last: as "
        "the system does when memory runs out; use smaller tensors or fewer runs."
    )
    assert died(tmp_path, -12) == (
        f"{BACKWARD}: the process was ended by SIGUSR2 in stage, which called this file last."
    )
    assert died(tmp_path, -12, called="") == "the process was ended by SIGUSR2 in stage."


def test_a_process_that_ends_itself_is_said_with_what_it_printed_last(tmp_path):
    sentence = (
        f"{BACKWARD}: the process ended itself with status 3 in stage, which called this file last; "
        "return from the function and do not exit."
    )
    assert died(tmp_path, 3) == sentence
    assert died(tmp_path, 3, printed="a\nno memory\n\n") == (
        f"{sentence} The last that was printed: no memory"
    )
