import os

import pytest

from autograd_by_hand.core import last_call


@pytest.fixture(autouse=True)
def _nobody_watches(monkeypatch):
    monkeypatch.setattr(last_call, "_page", None)


def test_a_note_outlives_the_process_that_wrote_it():
    last_call.watch()
    last_call.note("a longer one")
    child = os.fork()
    if child == 0:
        last_call.note("backward.py")
        os._exit(9)
    os.waitpid(child, 0)
    assert last_call.last() == "backward.py"


def test_without_a_watcher_nothing_is_kept():
    last_call.note("backward.py")
    assert last_call.last() == ""


def test_a_note_that_is_too_long_is_cut():
    last_call.watch()
    last_call.note("é" * last_call.SIZE)
    assert last_call.last().startswith("éé")
    last_call.note("short")
    assert last_call.last() == "short"
