"""The warm interpreter: the same results as an ordinary one, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, as_in_a_terminal

PYTHON = ("sh", str(ROOT / "scripts/autograd_by_hand/pipeline/stage_python.sh"))
INTERRUPTED = "\nstage: interrupted; run snakemake again to continue from here.\n\n"
# A stage that says what it says when it is interrupted.
STAGE = """
import time
from types import SimpleNamespace
from autograd_by_hand.pipeline.run_stage import run_stage

parts = {name: {} for name in ("wildcards", "params", "resources", "input", "output")}
run_stage(lambda: time.sleep(0.3), SimpleNamespace(rule="stage", log=["logs/stage"], **parts))
"""


@pytest.fixture(scope="module")
def starter() -> Iterator[subprocess.Popen[str]]:
    """A process, in a group of its own, that has started a warm Python and says where it is."""
    code = (
        "import os, signal, sys; from autograd_by_hand.pipeline.warm_python import start_warm_python;"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT});"
        "start_warm_python(); print(os.environ['WARM_PYTHON'], flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        process_group=0,
        preexec_fn=as_in_a_terminal,  # noqa: PLW1509 - it starts no thread
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def server(starter: subprocess.Popen[str]) -> Iterator[dict[str, str]]:
    """The environment that leads to a warm Python, which ends with the one who started it."""
    assert starter.stdout
    address = starter.stdout.readline().strip()
    names = ("OMP", "MKL", "OPENBLAS", "GOTO", "NUMEXPR")
    threads = {f"{name}_NUM_THREADS": "1" for name in names} | {"VECLIB_MAXIMUM_THREADS": "1"}
    yield {
        "WARM_PYTHON": address,
        "STAGE_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT / "scripts"),
        **threads,
    }
    starter.kill()
    deadline = time.monotonic() + 10
    while Path(address).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(address).exists(), "the server outlived the process that started it"


def run(script: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, str(script)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def write(folder: Path, code: str) -> Path:
    path = folder / "script.py"
    path.write_text(code)
    return path


def test_a_script_runs_with_torch_already_there(server: dict[str, str], tmp_path: Path) -> None:
    script = write(tmp_path, "import sys; print('torch' in sys.modules, __name__)")
    assert run(script, server).stdout == "True __main__\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [("pass", 0), ("raise SystemExit(7)", 7), ("raise SystemExit('no')", 1), ("1 / 0", 1), ("import os; os.abort()", 134)],
)  # fmt: skip
def test_the_status_is_the_scripts_own(
    server: dict[str, str], tmp_path: Path, code: str, status: int
) -> None:
    assert run(write(tmp_path, code), server).returncode == status


def test_stages_do_not_see_each_other(server: dict[str, str], tmp_path: Path) -> None:
    script = write(
        tmp_path,
        "import torch; print(torch.get_default_dtype(), torch.initial_seed() == 5);"
        "torch.set_default_dtype(torch.float64); torch.manual_seed(5)",
    )
    assert [run(script, server).stdout for _ in range(2)] == ["torch.float32 False\n"] * 2


def test_another_setting_of_the_libraries_runs_cold(server: dict[str, str], tmp_path: Path) -> None:
    script = write(tmp_path, "import sys; print('torch' in sys.modules)")
    assert run(script, server | {"MKL_CBWR": "COMPATIBLE"}).stdout == "False\n"


def test_without_a_server_the_script_runs_cold(server: dict[str, str], tmp_path: Path) -> None:
    script = write(tmp_path, "import sys; print('torch' in sys.modules)")
    assert run(script, server | {"WARM_PYTHON": "/nowhere"}).stdout == "False\n"


def test_a_script_ends_with_the_one_who_asked_for_it(
    server: dict[str, str], tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    script = write(
        tmp_path,
        f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)",
    )
    client = subprocess.Popen([*PYTHON, str(script)], env=os.environ | server)
    deadline = time.monotonic() + 20
    while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int(mark.read_text())
    client.send_signal(signal.SIGKILL)
    client.wait()
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("address", [{}, {"WARM_PYTHON": "/nowhere"}], ids=["warm", "cold"])
@pytest.mark.thorough
def test_an_interrupt_is_the_stages_to_answer_whenever_it_comes(
    starter: subprocess.Popen[str],
    server: dict[str, str],
    tmp_path: Path,
    address: dict[str, str],
) -> None:
    stage = write(tmp_path, STAGE)
    answers = []
    for milliseconds in (*range(0, 150, 6), *range(150, 6000, 100)):  # the latter on a busy machine
        if milliseconds >= 150 and INTERRUPTED in answers:
            break
        client = subprocess.Popen(
            [*PYTHON, str(stage)],
            cwd=tmp_path,
            env=os.environ | server | address,
            stderr=subprocess.PIPE,
            text=True,
            process_group=starter.pid,
            preexec_fn=as_in_a_terminal,  # noqa: PLW1509 - it starts no thread
        )
        time.sleep(milliseconds / 1000)
        os.killpg(starter.pid, signal.SIGINT)
        said = client.communicate(timeout=60)[1]
        # The shell before its first line; a stage that was done; a stage that was not.
        assert client.returncode in {-signal.SIGINT, 0, 1}, milliseconds
        assert said == (INTERRUPTED if client.returncode == 1 else ""), milliseconds
        answers.append(said)
    assert INTERRUPTED in answers
