from types import SimpleNamespace

import pytest

from autograd_by_hand.core.progress import duration, progress, tell


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    time = SimpleNamespace(now=100.0)
    monkeypatch.setattr(
        "autograd_by_hand.core.progress.time", SimpleNamespace(monotonic=lambda: time.now)
    )
    return time


def go_through(clock, *seconds):
    """Go through one item for each of `seconds`, which it takes."""
    for took in progress(seconds, "runs"):
        clock.now += took


def test_all_items_come_in_their_order():
    assert list(progress(["a", "b", "c"], "runs")) == ["a", "b", "c"]


def test_what_is_quick_is_done_in_silence(clock, capsys):
    go_through(clock, 0.5, 0.5, 1.0, 0.0)
    assert capsys.readouterr().err == ""


def test_after_two_seconds_of_silence_it_says_how_far_it_is(clock, capsys):
    go_through(clock, 1.5, 1.0, 0.1, 0.1)
    assert capsys.readouterr().err == "runs: 2 of 4 done, about 2.5 s left\n"


def test_it_speaks_again_after_ever_longer_silences(clock, capsys):
    go_through(clock, 2.5, 2.5, 2.0, 4.0, 5.0, 0.0)
    assert capsys.readouterr().err == (
        "runs: 1 of 6 done, about 12 s left\n"
        "runs: 3 of 6 done, about 7.0 s left\n"
        "runs: 5 of 6 done, about 3.2 s left\n"
    )


def test_on_a_terminal_the_runs_own_line_tells(clock, capsys, monkeypatch):
    monkeypatch.setattr("autograd_by_hand.core.progress.on_terminal", lambda: True)
    go_through(clock, 100.0, 100.0)
    assert capsys.readouterr().err == ""
    tell("That is wrong.")
    assert capsys.readouterr().err == "\r\033[KThat is wrong.\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (59.4, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min")],
)
def test_a_duration_in_words(seconds, words):
    assert duration(seconds) == words


def test_it_speaks_on_stderr_only(clock, capsys):
    go_through(clock, 3.0, 3.0)
    assert capsys.readouterr().out == ""


def test_nothing_to_do_is_nothing_to_say(clock, capsys):
    go_through(clock)
    assert capsys.readouterr().err == ""


def test_what_is_left_of_long_work_is_told_in_minutes(clock, capsys):
    go_through(clock, 100.0, 0.0, 0.0)
    assert capsys.readouterr().err == "runs: 1 of 3 done, about 3 min 20 s left\n"
