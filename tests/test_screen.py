"""What a run shows in a terminal, and where there is none."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from autograd_by_hand.core.files import read_json
from tests.conftest import TINY, Project

BACKWARD, CONFIG = (f"experiments/{TINY}/{name}" for name in ("backward.py", "config.yaml"))
UNSET = ("NO_COLOR", "COLUMNS", "LINES")  # what would stand above the terminal
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|9[0-7])[0-9;]*m")


def on_terminal(
    project: Project, *arguments: str, rows: int = 60, **environment: str
) -> tuple[str, int]:
    """Run Snakemake on a terminal of 110 columns: all that came there, and the exit status."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", rows, 110, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in UNSET}
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("snakemake")), "-c1", *arguments],
        cwd=project.root,
        env=env | {"TERM": "xterm-256color"} | environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as run:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # a terminal that its last process has left
            pass
        os.close(ours)
    return shown.decode().replace("\r\n", "\n"), run.returncode


def words(shown: str) -> str:
    """What a person reads: no colours, no movements, no links."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\]8;.*?\x1b\\", "", shown)


def test_a_terminal_shows_how_far_the_run_is_and_then_the_verdict(project: Project) -> None:
    project.edit(BACKWARD, "dy = x @ W.T", "dy = 1 * (x @ W.T)")
    shown, status = on_terminal(project)
    assert status == 0, shown
    during, _, after = words(shown).rpartition("A tiny linear layer\n")
    totals = set(re.findall(r"(\d+) of (\d+) jobs, ", during))
    assert len({total for _, total in totals}) == 1
    assert len(totals) > 5
    assert re.search(rf"\| [a-z_]+ float(32|64), {TINY}, [\d.]+ s", during)
    assert "Finished jobid" not in during
    assert after.startswith("Right. In all 2 dtypes and all 3 runs")
    assert re.search(r"Holds +Criterion +Measured", after)
    assert "right everywhere" in after
    assert f"Report: experiments/{TINY}/REPORT.html" in after
    assert re.search(r"\d+ jobs done in [\d.]+ s\.", after)
    assert COLOUR.search(shown)
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is there again


@pytest.mark.thorough
def test_what_does_not_fit_is_counted_unless_it_fails(project: Project) -> None:
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    shown, _ = on_terminal(project, rows=10)
    assert "All 2 criteria hold." in shown
    assert "Criterion" not in shown
    project.edit(CONFIG, "every: {below: 1.0e-5}", "every: {above: 1.0e-5}")
    shown, status = on_terminal(project, rows=10)
    assert status == 1
    assert re.search(r"no +float32 agrees with autograd", words(shown))


@pytest.mark.thorough
def test_no_colour_where_none_is_wanted(project: Project) -> None:
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    shown, _ = on_terminal(project, NO_COLOR="1")
    assert "Right." in shown
    # Snakemake, which does not know NO_COLOR, has said a line before it reads the Snakefile
    assert not COLOUR.search(shown.partition("Assuming unrestricted shared filesystem usage.")[2])


@pytest.mark.thorough
def test_without_a_terminal_every_job_is_a_line_and_the_end_is_markdown(project: Project) -> None:
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    run = project.snakemake()
    lines = run.stdout.splitlines()
    told = [
        line for line in lines if re.match(rf"\d+ of \d+: \w+( \w+)?(, {TINY})?, [\d.]+ s$", line)
    ]
    total = len(told)
    assert [line.split(":")[0] for line in told] == [f"{n} of {total}" for n in range(1, total + 1)]
    report = (project.folder / "REPORT.md").read_text()
    begin = lines.index("# A tiny linear layer")
    assert not re.search("recorded|compare", run.stdout)  # since nothing is recorded
    for line in lines[begin:-2]:
        assert line in report or line == f"Report: experiments/{TINY}/REPORT.html"
    assert lines[-1].startswith(f"{total} jobs done in ")
    assert "\x1b" not in run.stdout
    assert "Select jobs" not in run.stdout


def record(project: Project) -> Path:
    """Let the last run be the recorded one; returns the folder of that."""
    folder = project.folder / "recorded"
    folder.mkdir()
    shutil.copy(project.folder / "manifest.json", folder)
    return folder


@pytest.mark.thorough
def test_the_end_says_in_what_the_run_differs_from_the_recorded_one(project: Project) -> None:
    manifest = record(project) / "manifest.json"
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    run = project.snakemake()
    recorded = read_json(manifest)["environment"]
    (line,) = re.findall("^Compared with .*", run.stdout, re.MULTILINE)
    assert line == (
        f"Compared with the run recorded on {recorded['processor']}, "
        f"with torch {recorded['packages']['torch']}, from another config.yaml: "
        "the verdicts, summation orders and shares of the difference are the same. "
        f"In full: python scripts/compare.py experiments/{TINY}"
    )
    manifest.write_text(manifest.read_text().replace('"outcome": "right"', '"outcome": "wrong"', 1))
    project.edit(CONFIG, "Is it really right?", "Is it right?")
    shown, _ = on_terminal(project)
    shown = " ".join(words(shown).split())
    assert (
        "the summation orders and shares of the difference are the same; 1 of 4 verdicts differ. "
        f"In full: python scripts/compare.py experiments/{TINY} Report: " in shown
    )


@pytest.mark.thorough
def test_a_run_of_the_report_alone_is_not_compared_by_an_older_manifest(project: Project) -> None:
    record(project)
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    run = project.snakemake(f"experiments/{TINY}/REPORT.md")
    assert "Report: " in run.stdout
    assert "Compared with" not in run.stdout


@pytest.mark.thorough
def test_a_recorded_run_that_cannot_be_read_is_said_and_stops_nothing(project: Project) -> None:
    (record(project) / "manifest.json").write_text("{}")
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    run = project.snakemake()
    assert run.returncode == 0
    assert (
        f"The recorded run cannot be compared with this one: experiments/{TINY}/recorded/manifest.json: "
        "is not a manifest: "
    ) in run.stdout


@pytest.mark.thorough
def test_quiet_says_nothing_but_what_is_amiss(project: Project) -> None:
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    run = project.snakemake("--quiet", "all")
    assert "jobs" not in run.stdout
    assert "tiny linear" not in run.stdout
    project.edit(CONFIG, "every: {below: 1.0e-5}", "every: {above: 1.0e-5}")
    assert "1 of 2 acceptance criteria do not hold" in project.snakemake("--quiet", "all").stdout


@pytest.mark.thorough
def test_a_stage_that_fails_is_told_last_and_no_old_verdict_with_it(
    project: Project,
) -> None:
    project.edit(BACKWARD, "dy = x @ W.T", "dy = x @ V.T")
    shown, status = on_terminal(project)
    assert status == 1
    *_, last = words(shown).rstrip().splitlines()
    assert last == "experiments/tiny/backward.py:2: NameError: name 'V' is not defined."
    assert "Right." not in shown
    assert "Report:" not in shown


@pytest.mark.thorough
def test_a_report_that_this_run_did_not_reach_is_not_told(project: Project) -> None:
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    project.edit(BACKWARD, "dy = x @ W.T", "dy = 1 * (x @ W.T)")
    run = project.snakemake(f"experiments/{TINY}/errors.csv")
    assert run.returncode == 0, run.stdout
    assert "collect_errors" in run.stdout
    assert "Right." not in run.stdout
    page = project.snakemake(f"experiments/{TINY}/REPORT.md")
    assert "**Right.**" in page.stdout
    assert f"Report: experiments/{TINY}/REPORT.md\n" in page.stdout
    assert "Right." not in project.snakemake(f"experiments/{TINY}/errors.csv").stdout


@pytest.mark.thorough
def test_with_nothing_to_do_the_verdicts_are_said_again(project: Project) -> None:
    run = project.snakemake()
    assert "Nothing to be done" in run.stdout
    assert f"experiments/{TINY}/REPORT.md: Right. In all 2 dtypes" in run.stdout
    assert "Job stats" in project.snakemake("-n", "--forceall").stdout
