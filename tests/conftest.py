"""What the tests share: a tiny experiment, and a copy of the project to run Snakemake in."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from autograd_by_hand.pipeline.code_fingerprint import Code
from autograd_by_hand.pipeline.project_files import source_modules

ROOT = Path(__file__).parent.parent
TINY = "tiny"

# As Snakemake gives every job. With more, idle threads spin while another worker's tests wait.
os.environ.setdefault("OMP_NUM_THREADS", "1")

CONFIG = """\
# yaml-language-server: $schema=../schema.yaml
title: A tiny linear layer
question: Is it right?
tensors:
  x: {shape: [2, 3], draw: randn, requires_grad: true}
  W: {shape: [4, 3], draw: randn, requires_grad: true}
samples:
  trial: {seed: 7, runs: 3}
dtypes: [float64, float32]
time_limit: 20
acceptance:
  - claim: float32 agrees with autograd
    errors: {dtype: float32, comparison: manual_vs_autograd, measure: rel_norm, every: {below: 1.0e-5}}
  - claim: right everywhere
    verdict: right
"""
FORWARD = """\
def forward(x, W):
    return 0.5 * ((x @ W.T) ** 2).sum()
"""
BACKWARD = """\
def backward(x, W):
    dy = x @ W.T
    return {"x": dy @ W, "W": dy.T @ x}
"""


def write_tiny(folder: Path) -> Path:
    """Write the tiny experiment's four files into `folder`."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "forward.py").write_text(FORWARD)
    (folder / "backward.py").write_text(BACKWARD)
    (folder / "derivation.md").write_text("By the chain rule.\n")
    return folder


def thoroughly(values: Iterable[Any]) -> list[Any]:
    """Values of a parameter with which a test runs in `make test-all` alone."""
    return [pytest.param(value, marks=pytest.mark.thorough) for value in values]


def first_of(values: Iterable[Any]) -> list[Any]:
    """Values of a parameter: the first is for `make test`, and all are for `make test-all`."""
    first, *rest = values
    return [first, *thoroughly(rest)]


def as_in_a_terminal() -> None:
    """Let Ctrl-C reach a process, which one that runs in the background ignores."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Project:
    """A copy of the project that has the tiny experiment and no other."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "experiments" / TINY

    @property
    def archive(self) -> Path:
        return self.root / f"archives/{TINY}.tar.gz"

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake there; its two streams come back as one text, in `stdout`."""
        command = [str(Path(sys.executable).with_name("snakemake")), "-c1", *arguments]
        return subprocess.run(
            command,
            cwd=self.root,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    def jobs(self, *arguments: str, **environment: str) -> Counter[str]:
        """Run to the end and say how many jobs of each rule were done."""
        run = self.snakemake(*arguments, **environment)
        assert run.returncode == 0, run.stdout
        return Counter(re.findall(r"^\d+ of \d+: (\w+)", run.stdout, re.MULTILINE))

    def planned(self, *arguments: str) -> Counter[str]:
        """Run nothing and say how many jobs of each rule would be done."""
        run = self.snakemake("-n", *arguments)
        assert run.returncode == 0, run.stdout
        counts = re.findall(r"^(\w+) +(\d+)$", run.stdout, re.MULTILINE)
        return Counter({name: int(count) for name, count in counts if name not in ("all", "total")})

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text that must be there in a file of the project."""
        path = self.root / file
        text = path.read_text()
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new))

    def outputs(self) -> dict[str, bytes]:
        """Every generated file that is kept, by its path in the experiment."""
        names = ("REPORT.md", "REPORT.html", "errors.csv", "manifest.json")
        paths = [self.folder / file for file in names]
        paths += self.folder.glob("figures/*")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}


def copy_pipeline(to: Path) -> None:
    """Copy all that a run needs, without experiments."""
    for name in ("scripts", "templates", "envs", "profiles"):
        # What is compiled comes with it, but for what another worker is writing.
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    bring_parsed_code(to)
    (to / "experiments").mkdir()
    for name in ("Snakefile", "Makefile", "README.md", "LICENSE", "CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / name, to)
    shutil.copy(ROOT / "experiments/schema.yaml", to / "experiments")


@cache
def parsed_code() -> bytes:
    """What a start remembers of the project's code; it is parsed once in this process."""
    with TemporaryDirectory() as folder, chdir(ROOT):
        memory = Path(folder, "source_files.json")
        code = Code(memory=memory)
        source_modules(code)
        code.remember()
        return memory.read_bytes()


def bring_parsed_code(root: Path) -> None:
    """Have the first start in a copy of the project remember its code."""
    (root / ".snakemake").mkdir(exist_ok=True)
    (root / ".snakemake/source_files.json").write_bytes(parsed_code())


def copy_project(to: Path) -> Project:
    """Copy the pipeline, and write the tiny experiment."""
    copy_pipeline(to)
    write_tiny(to / "experiments" / TINY)
    return Project(to)


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all workers of a session share: the first that asks for it makes it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, made = base / name, base / f"{name}.made"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # another worker has failed
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run once. Look, but do not touch, nor run Snakemake there."""

    def make(root: Path) -> None:
        copy_project(root).jobs("-c2")  # the other workers wait for it

    return Project(shared(tmp_path_factory, "finished", make))


@pytest.fixture(scope="session")
def archived(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run and packed its archive. Tests share it as well."""

    def make(root: Path) -> None:
        shutil.copytree(finished.root, root, symlinks=True)
        Project(root).jobs("archive")

    return Project(shared(tmp_path_factory, "archived", make))


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A project of one's own that has run once, to edit and break."""
    shutil.copytree(finished.root, tmp_path / "project", symlinks=True)  # copies dates as well
    return Project(tmp_path / "project")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The tiny experiment's folder, nothing run yet."""
    return write_tiny(tmp_path / "experiments" / TINY)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded experiments in a folder, with the pages that a run makes of them."""
    from tests.pages import write_pages

    return write_pages(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session")
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python code in a process of its own, from the project's root."""

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
