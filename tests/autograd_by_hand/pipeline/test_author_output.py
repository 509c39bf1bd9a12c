"""What the author's code prints is kept in a file and shown once, whoever prints it."""

import os
import subprocess
from pathlib import Path

import pytest

from autograd_by_hand.core.progress import tell
from autograd_by_hand.pipeline.author_output import MOST, kept_output


def by_all(word: str) -> None:
    """Print by the file descriptors and by a child process; `print` is pytest's in these tests."""
    os.write(1, f"{word} by a library\n".encode())
    os.write(2, f"{word} by native code\n".encode())
    subprocess.run(["echo", f"{word} by a child"], check=True)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path


def test_whatever_is_printed_is_in_the_file_and_messages_are_on_the_screen(
    logs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with kept_output(logs / "compute_manual.float32.log"):
        by_all("printed")
        tell("a message")
    kept = (logs / "compute_manual.float32.out").read_text().splitlines()
    assert sorted(kept) == [f"printed by {one}" for one in ("a child", "a library", "native code")]
    by_all("afterwards")
    shown = capfd.readouterr()
    assert shown.err == "a message\nafterwards by native code\n"
    assert "printed" not in shown.out
    assert shown.out.count("afterwards") == 2


def test_each_line_is_shown_by_the_first_stage_that_prints_it(
    logs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for stage, lines, new in (
        ("draw_cotangents", "a\nb\n", ["a", "b"]),
        ("check_backward", "b\nc\n", ["c"]),
        ("run_autograd.float32", "d\n", []),
        ("check_backward", "b\n", []),
    ):
        with kept_output(logs / f"{stage}.log"):
            os.write(2, lines.encode())
        shown = capfd.readouterr().err.split("\n")
        assert shown[2:-2] == new
        assert ("Printed by your code" in "".join(shown)) is bool(new)


def test_many_lines_are_counted(logs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with kept_output(logs / "check_backward.log"):
        os.write(2, "".join(f"{n}\n" for n in range(MOST + 3)).encode())
    shown = capfd.readouterr().err
    assert f"\n{MOST - 1}\n... and 3 lines more\n" in shown


def test_where_nothing_is_printed_no_file_is_left(logs: Path) -> None:
    (logs / "accept.out").write_text("of an earlier run")
    with kept_output(logs / "accept.log"):
        pass
    assert list(logs.iterdir()) == []


def test_what_was_printed_before_a_failure_is_kept(logs: Path) -> None:
    def fail() -> None:
        os.write(1, b"before")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), kept_output(logs / "accept.log"):
        fail()
    assert (logs / "accept.out").read_text() == "before"


def test_where_no_file_can_be_written_what_is_printed_is_shown(
    logs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with kept_output(logs / "missing/stage.log"):
        os.write(1, b"as ever")
    assert capfd.readouterr().out == "as ever"
