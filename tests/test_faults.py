"""What a run survives: kills, a full disk, a second run, files spoilt behind its back."""

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer

import pytest

from tests.conftest import TINY, Project, as_in_a_terminal, copy_project, first_of, shared

FOLDER = f"experiments/{TINY}"
SNAKEMAKE = [str(Path(sys.executable).with_name("snakemake")), "-c1"]


def start(project: Project, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start Snakemake in a process group of its own; its two streams go into a file beside it."""
    with (project.root / "run.txt").open("w") as told:
        return subprocess.Popen(
            [*SNAKEMAKE, *arguments],
            cwd=project.root,
            env=os.environ | environment,
            stdout=told,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=as_in_a_terminal,  # noqa: PLW1509 - it starts no thread
        )


def told(project: Project) -> str:
    return (project.root / "run.txt").read_text()


def processes_in(folder: Path) -> dict[int, str]:
    """The command lines of the processes that work in a folder, by their numbers."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder and "Z" not in state(entry):
                found[int(entry.name)] = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                )
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def state(entry: Path) -> str:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0]


def until_alone(folder: Path) -> None:
    """Wait until nothing works in a folder any more; fail if something goes on."""
    for _ in range(300):
        if not processes_in(folder):
            return
        time.sleep(0.1)
    pytest.fail(f"still at work: {processes_in(folder)}")


def stages_in(folder: Path) -> list[int]:
    """The stages at work in a folder: forks of the warm Python, which are named as it is.

    A stage that executes the author's code is a fork of such a fork, which waits for it.
    """
    warm = [pid for pid, command in processes_in(folder).items() if "--serve" in command]
    parents = {}
    for pid in warm:
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return [
        pid for pid, parent in parents.items() if parent in warm and pid not in parents.values()
    ]


def everything(project: Project) -> dict[str, bytes]:
    """Every file that an experiment's stages leave, but for what says when and how often."""
    kept = (
        path
        for path in project.folder.rglob("*")
        if path.is_file() and not {"receipts", "recipes", "logs"} & set(path.parts)
    )
    return {str(path.relative_to(project.folder)): path.read_bytes() for path in kept}


@pytest.fixture
def unrun(project: Project) -> Project:
    """A project whose intermediates are gone, as after a clone."""
    shutil.rmtree(project.folder / "work")
    return project


@pytest.fixture(scope="session")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run once, in one format. Look, but do not touch."""

    def make(root: Path) -> None:
        project = copy_project(root)
        project.edit(f"{FOLDER}/config.yaml", "[float64, float32]", "[float64]")
        project.edit(f"{FOLDER}/config.yaml", "dtype: float32", "dtype: float64")
        project.jobs()

    return Project(shared(tmp_path_factory, "brief", make))


@pytest.mark.parametrize("seed", first_of(range(6)))
def test_killed_stages_and_killed_runs_lose_nothing(
    brief: Project, tmp_path: Path, seed: int
) -> None:
    kills = 5 if seed else 1
    shutil.copytree(brief.root, tmp_path / "project", symlinks=True)
    project = Project(tmp_path / "project")
    shutil.rmtree(project.folder / "work")
    moment = random.Random(seed)  # noqa: S311 - no secret
    for kill in range(kills):  # each finds what the one before has left
        run = start(project)
        time.sleep(moment.uniform(0.5, 2.5))
        while not (stages := stages_in(project.root)) and run.poll() is None:
            time.sleep(0.002)
        if not stages:
            assert kill, "a run of everything ended before a stage could be killed"
            assert run.returncode == 0, told(project)
            break
        with suppress(ProcessLookupError):
            os.kill(stages[0], signal.SIGKILL)
        time.sleep(moment.uniform(0, 1))
        run.kill()
        run.wait()
        until_alone(project.root)
    again = project.snakemake()
    assert again.returncode == 0, again.stdout
    assert everything(project) == everything(brief)


HEAD = "def forward(x, W):\n"
ASLEEP = f"""\
import time
from pathlib import Path

{HEAD}    Path("asleep").touch()
    end = time.monotonic() + 18  # of the 20 s that a call may take
    while not Path("woken").exists() and time.monotonic() < end:
        time.sleep(0.05)
"""


def fall_asleep(project: Project) -> None:
    """Have forward sleep at each call, until it is woken."""
    project.edit(f"{FOLDER}/forward.py", HEAD, ASLEEP)


def wake_up(project: Project) -> None:
    (project.root / "woken").touch()


def sleep_no_more(project: Project) -> None:
    """Have forward as it was."""
    project.edit(f"{FOLDER}/forward.py", ASLEEP, HEAD)


def start_and_wait_for(
    file: str, project: Project, *targets: str, **environment: str
) -> subprocess.Popen[str]:
    run = start(project, *targets, **environment)
    while not (project.root / file).exists():
        assert run.poll() is None, told(project)
        time.sleep(0.05)
    return run


def start_and_wait_for_sleep(project: Project, **environment: str) -> subprocess.Popen[str]:
    target = f"{FOLDER}/work/cotangents.safetensors"
    return start_and_wait_for("asleep", project, target, **environment)


@pytest.mark.thorough
def test_a_killed_stage_fails_the_run_and_the_next_one_goes_on(
    finished: Project, unrun: Project
) -> None:
    fall_asleep(unrun)
    run = start_and_wait_for_sleep(unrun)
    (stage,) = stages_in(unrun.root)
    os.kill(stage, signal.SIGKILL)
    assert run.wait() != 0
    assert "Traceback" not in told(unrun)
    sleep_no_more(unrun)
    assert unrun.snakemake().returncode == 0
    assert everything(unrun) == everything(finished)


@pytest.mark.thorough
def test_no_stage_outlives_a_killed_run(unrun: Project) -> None:
    fall_asleep(unrun)
    run = start_and_wait_for_sleep(unrun)
    assert stages_in(unrun.root)
    run.kill()
    run.wait()
    until_alone(unrun.root)


@pytest.mark.thorough
def test_a_run_waits_for_a_cold_stage_that_a_killed_one_left(unrun: Project) -> None:
    fall_asleep(unrun)
    run = start_and_wait_for_sleep(unrun, WITHOUT_PATCHES="warm_python")
    run.kill()
    run.wait()
    assert processes_in(unrun.root)
    Timer(2, wake_up, [unrun]).start()
    again = unrun.snakemake(f"{FOLDER}/work/cotangents.safetensors")
    assert again.returncode == 0, again.stdout
    assert not processes_in(unrun.root)


@pytest.mark.thorough
def test_an_interrupted_run_ends_in_sentences_and_goes_on(
    finished: Project, unrun: Project
) -> None:
    run = start_and_wait_for(f"{FOLDER}/work/draws.safetensors", unrun)
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait() != 0
    assert "Traceback" not in told(unrun)
    until_alone(unrun.root)
    again = unrun.snakemake()
    assert again.returncode == 0, again.stdout
    assert everything(unrun) == everything(finished)


@pytest.fixture
def busy(unrun: Project) -> Iterator[subprocess.Popen[str]]:
    """A run that has the folder and is busy until it is woken."""
    fall_asleep(unrun)
    run = start_and_wait_for_sleep(unrun)
    yield run
    wake_up(unrun)
    run.wait()


@pytest.mark.parametrize(
    "target", first_of([[], [f"{FOLDER}/work/graph.json"]]), ids=["same", "another"]
)
@pytest.mark.thorough
def test_a_second_run_in_the_folder_is_refused(
    finished: Project, unrun: Project, busy: subprocess.Popen[str], target: list[str]
) -> None:
    second = unrun.snakemake(*target)
    assert second.returncode != 0
    assert f"another run (process {busy.pid}) is active in this folder" in second.stdout
    wake_up(unrun)
    assert busy.wait() == 0, told(unrun)
    sleep_no_more(unrun)
    assert unrun.snakemake().returncode == 0
    assert unrun.outputs() == finished.outputs()


@pytest.mark.thorough
def test_a_dry_run_beside_a_run_is_not_refused(unrun: Project, busy: subprocess.Popen[str]) -> None:
    assert unrun.snakemake("-n").returncode == 0
    wake_up(unrun)
    assert busy.wait() == 0, told(unrun)


@pytest.mark.thorough
def test_locks_that_a_dead_run_left_are_no_hindrance(project: Project) -> None:
    (project.root / ".snakemake/run.lock").write_text("4194304\n")
    locks = project.root / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.input.lock").write_text(f"{FOLDER}/forward.py\n")
    (locks / "0.output.lock").write_text(f"{FOLDER}/REPORT.md\n")
    project.edit(f"{FOLDER}/config.yaml", "Is it right?", "Is it really right?")
    run = project.snakemake()
    assert run.returncode == 0, run.stdout


@pytest.mark.thorough
def test_a_full_disk_is_a_sentence_and_leaves_earlier_results_whole(project: Project) -> None:
    before = project.outputs()
    project.edit(f"{FOLDER}/config.yaml", "shape: [4, 3]", "shape: [4000, 3]")

    def at_most_100_kilobytes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    run = subprocess.run(
        SNAKEMAKE,
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=at_most_100_kilobytes,
        check=False,
    )
    assert run.returncode != 0
    reason = os.strerror(errno.EFBIG)
    sentence = f"{FOLDER}/work/draws.safetensors: cannot be written ({reason})"
    assert sentence in run.stdout
    assert "Traceback" not in run.stdout
    assert project.outputs() == before
    assert not list(project.folder.glob("work/.*"))
    assert project.snakemake().returncode == 0


@pytest.mark.thorough
def test_a_folder_that_cannot_be_written_is_a_sentence(project: Project) -> None:
    project.edit(f"{FOLDER}/backward.py", "dy = x @ W.T", "dy = 1 * (x @ W.T)")
    shutil.rmtree(project.folder / "work/recipes")
    run = read_only(project)
    assert run.returncode != 0
    assert f"{FOLDER}/work/recipes/" in run.stdout
    assert "cannot be written" in run.stdout
    assert "Traceback" not in run.stdout


@pytest.mark.thorough
def test_outputs_that_cannot_be_written_are_a_sentence(project: Project) -> None:
    before = project.outputs()
    project.edit(f"{FOLDER}/config.yaml", "Is it right?", "Is it really right?")
    project.snakemake("-n")
    run = read_only(project)
    assert run.returncode != 0
    assert "Write-protected output files for rule" in run.stdout  # Snakemake's own
    assert "Traceback" not in run.stdout
    assert project.outputs() == before


def read_only(project: Project) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in name spaces of its own, where the experiment's folder is read-only."""
    script = (
        f"mount --bind {project.folder} {project.folder} && "
        f"mount -o remount,ro,bind {project.folder} && exec {' '.join(SNAKEMAKE)}"
    )
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return subprocess.run(
        ["unshare", "--mount", *user, "sh", "-c", script],
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


MADE = ["work/draws.safetensors", "work/float32/noise.safetensors", "work/float32/facts.json"]
KEPT = ["REPORT.md", "errors.csv", "figures/graph.svg", "manifest.json"]


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    """Change one bit and nothing that a listing shows."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("spoil", first_of([flip, delete, truncate]))
@pytest.mark.thorough
def test_a_spoilt_file_is_made_again(finished: Project, project: Project, spoil) -> None:
    for file in MADE + KEPT:
        spoil(project.folder / file)
    run = project.snakemake()
    assert run.returncode == 0, run.stdout
    for file in MADE + KEPT:
        word = "is missing" if spoil is delete else "was damaged or edited"
        assert f"{FOLDER}/{file}: {word}; it is made again." in run.stdout
    assert everything(project) == everything(finished)
    assert "Nothing to be done" in project.snakemake().stdout


@pytest.mark.thorough
def test_a_source_with_an_old_date_is_seen(project: Project) -> None:
    path = project.folder / "backward.py"
    project.edit(f"{FOLDER}/backward.py", "dy = x @ W.T", "dy = 2 * (x @ W.T)")
    os.utime(path, (1, 1))
    assert project.snakemake().returncode != 0
    assert "**Wrong: dx and dW" in (project.folder / "REPORT.md").read_text()


@pytest.mark.thorough
def test_a_source_with_an_old_date_is_seen_after_the_intermediates_are_deleted(
    unrun: Project,
) -> None:
    path = unrun.folder / "backward.py"
    unrun.edit(f"{FOLDER}/backward.py", "dy = x @ W.T", "dy = 2 * (x @ W.T)")
    os.utime(path, (1, 1))
    first, second = (unrun.snakemake(f"{FOLDER}/REPORT.md") for _ in range(2))
    assert "**Wrong: dx and dW" in (unrun.folder / "REPORT.md").read_text()
    for run in (first, second):
        assert run.returncode == 1
        assert "right everywhere: 0 of 4 are right." in run.stdout.splitlines()[-1]
    assert " render_report, " in first.stdout
    assert " render_report, " not in second.stdout  # which only refuses again


@pytest.mark.thorough
def test_a_run_that_remembers_nothing_runs_nothing_that_stands(project: Project) -> None:
    shutil.rmtree(project.root / ".snakemake")
    assert "Nothing to be done" in project.snakemake().stdout


@pytest.mark.thorough
def test_a_run_that_remembers_nothing_sees_a_change(project: Project) -> None:
    shutil.rmtree(project.root / ".snakemake")
    project.edit(f"{FOLDER}/config.yaml", "below: 1.0e-5", "below: 1.0e-4")
    assert project.planned()["judge_gradients"] == 1


@pytest.mark.thorough
def test_an_upgraded_package_is_seen(project: Project) -> None:
    project.edit(
        "scripts/autograd_by_hand/pipeline/recipes.py",
        "return metadata.version(name)",
        'return metadata.version(name) + ".1"',
    )
    assert project.planned()["run_autograd"] == 2


@pytest.mark.thorough
def test_swapped_values_are_seen(project: Project) -> None:
    x, w = "x: {shape: [2, 3]", "W: {shape: [4, 3]"
    project.edit(f"{FOLDER}/config.yaml", x, "x: {shape: [4, 3]")
    project.edit(f"{FOLDER}/config.yaml", w, "W: {shape: [2, 3]")
    assert project.planned()["generate_tensors"] == 1


@pytest.mark.thorough
def test_outputs_dated_in_the_future_do_not_hide_a_change(project: Project) -> None:
    later = time.time() + 10**6
    os.utime(project.folder / "work/judgement.json", (later, later))
    project.edit(f"{FOLDER}/config.yaml", "below: 1.0e-5", "below: 1.0e-4")
    assert project.planned()["judge_gradients"] == 1
