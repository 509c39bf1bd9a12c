"""Source files: parsed when they changed, and only then."""

import json
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from autograd_by_hand.pipeline import source_files
from autograd_by_hand.pipeline.source_files import SETTLED, SourceFiles
from autograd_by_hand.pipeline.statements import Statement, parse

NAMES = ("one.py", "two.py")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files, which changed long enough ago to be remembered."""
    monkeypatch.setattr(source_files, "SETTLED", 0)
    (tmp_path / "one.py").write_text("from autograd_by_hand.core.errors import UserError\n")
    (tmp_path / "two.py").write_text("TWO = 2\n")
    return tmp_path


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were parsed, in order."""
    names: list[str] = []

    def noted(source: bytes, path: str, ours: set[str]) -> list[Statement]:
        names.append(Path(path).name)
        return parse(source, path, ours)

    monkeypatch.setattr(source_files, "parse", noted)
    return names


def start(root: Path) -> list[source_files.SourceFile]:
    """What a process does that starts."""
    files = SourceFiles(root, root / "memory/files.json")
    found = [files[name] for name in NAMES]
    files.remember()
    return found


def test_a_second_start_parses_nothing_and_finds_the_same(root: Path, parsed: list[str]) -> None:
    first = start(root)
    assert parsed == ["one.py", "two.py"]
    assert start(root) == first
    assert parsed == ["one.py", "two.py"]


def test_one_process_parses_a_file_once(root: Path, parsed: list[str]) -> None:
    files = SourceFiles(root)
    assert files["two.py"] is files["two.py"]
    assert parsed == ["two.py"]


def test_a_start_that_parsed_nothing_writes_nothing(root: Path) -> None:
    start(root)
    memory = root / "memory/files.json"
    os.utime(memory, (1, 1))
    start(root)
    assert memory.stat().st_mtime == 1


def test_an_edit_behind_an_old_date_is_seen(root: Path, parsed: list[str]) -> None:
    start(root)
    path = root / "two.py"
    status = path.stat()
    path.write_text("TWO = 3\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = start(root)
    assert parsed == ["one.py", "two.py", "two.py"]
    assert second[1] == SourceFiles(root)["two.py"]


def test_a_new_date_or_copy_of_what_was_parsed_is_not_parsed_again(
    root: Path, parsed: list[str], tmp_path: Path
) -> None:
    first = start(root)
    os.utime(root / "one.py", (1, 1))
    assert start(root) == first
    shutil.copytree(root, tmp_path / "copy")
    assert start(tmp_path / "copy") == first
    assert parsed == ["one.py", "two.py"]


def test_another_file_put_in_its_place_is_seen(root: Path, parsed: list[str]) -> None:
    start(root)
    status = (root / "two.py").stat()
    (root / "new.py").write_text("TWO = 3\n")
    os.utime(root / "new.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    (root / "new.py").rename(root / "two.py")
    start(root)
    assert parsed == ["one.py", "two.py", "two.py"]


@pytest.mark.parametrize("since", [SETTLED, SETTLED + 1])
def test_a_file_that_changed_just_now_is_read_again(
    root: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch, since: int
) -> None:
    changed = (root / "two.py").stat().st_ctime_ns
    monkeypatch.setattr(source_files, "SETTLED", SETTLED)
    monkeypatch.setattr(source_files, "stamp_of", lambda _: [8, changed, changed, 1])
    monkeypatch.setattr(time, "time_ns", lambda: changed + since)
    start(root)
    start(root)
    assert parsed == ["one.py", "two.py"]
    (root / "two.py").write_text("TWO = 3\n")  # within what its date is rounded to
    start(root)
    assert parsed == ["one.py", "two.py", *(["two.py"] if since == SETTLED else [])]


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "null",
        "\ufeff",
        "{}",
        '{"files": {}}',
        "half",
        "statement",
        "stamp",
        "parser",
    ],
)
def test_a_damaged_memory_is_none(root: Path, parsed: list[str], damage: str) -> None:
    first = start(root)
    memory = root / "memory/files.json"
    told = json.loads(memory.read_text())
    if damage == "half":
        memory.write_text(memory.read_text()[: memory.stat().st_size // 2])
    elif damage == "statement":
        del told["files"]["one.py"]["statements"][0]["digest"]
    elif damage == "stamp":
        del told["files"]["one.py"]["stamp"]
    elif damage == "parser":
        told["parser"][0] = "another Python"
    else:
        memory.write_text(damage)
    if damage in ("statement", "stamp", "parser"):
        memory.write_text(json.dumps(told))
    assert start(root) == first
    assert parsed == ["one.py", "two.py"] * 2
    assert start(root) == first
    assert parsed == ["one.py", "two.py"] * 2


def test_a_memory_that_cannot_be_written_is_done_without(root: Path, parsed: list[str]) -> None:
    (root / "memory").write_text("")
    start(root)
    start(root)
    assert parsed == ["one.py", "two.py"] * 2


def test_another_script_may_be_what_a_file_imports(root: Path, parsed: list[str]) -> None:
    start(root)
    (root / "scripts").mkdir()
    (root / "scripts/json.py").write_text("")
    start(root)
    assert parsed == ["one.py", "two.py"] * 2


def test_a_deleted_file_is_forgotten(root: Path) -> None:
    files = SourceFiles(root, root / "memory/files.json")
    assert [files[name] for name in NAMES]
    (root / "one.py").unlink()
    files.remember()
    assert set(json.loads((root / "memory/files.json").read_text())["files"]) == {"two.py"}


def _start_often(root: Path) -> bool:
    source_files.SETTLED = 0
    for _ in range(20):
        (root / "two.py").touch()
        start(root)
    return True


def test_processes_that_start_at_once_leave_a_whole_memory(root: Path, parsed: list[str]) -> None:
    with ProcessPoolExecutor(3) as processes:
        assert all(processes.map(_start_often, [root] * 3))
    first = start(root)
    parsed.clear()
    assert start(root) == first
    assert parsed == []
    assert [path.name for path in (root / "memory").iterdir()] == ["files.json"]
