import os
import time

import pytest

from autograd_by_hand.core import last_call


@pytest.fixture(autouse=True)
def _nobody_watches(monkeypatch):
    monkeypatch.setattr(last_call, "_page", None)


def test_a_note_outlives_the_process_that_wrote_it():
    last_call.watch()
    last_call.note("a longer one", 9)
    child = os.fork()
    if child == 0:
        last_call.note("backward.py", 9)
        os._exit(9)
    os.waitpid(child, 0)
    assert last_call.last() == "backward.py"


def test_without_a_watcher_nothing_is_kept():
    last_call.note("backward.py", 9)
    assert last_call.last() == ""


def test_a_note_that_is_too_long_is_cut():
    last_call.watch()
    last_call.note("é" * last_call.SIZE, 9)
    assert last_call.last().startswith("éé")
    last_call.note("short", 9)
    assert last_call.last() == "short"


def test_a_call_is_overdue_after_several_times_its_limit_and_no_more_when_it_has_ended():
    last_call.watch()
    assert not last_call.is_overdue()
    last_call.note("backward.py", 0.01)
    assert not last_call.is_overdue()
    time.sleep(0.02 * last_call.PATIENCE)
    assert last_call.is_overdue()
    last_call.note_end()
    assert not last_call.is_overdue()
    assert last_call.last() == "backward.py"
