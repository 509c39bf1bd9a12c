"""What `make` says and leaves where it cannot set up .venv, with Pythons that only pretend."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

REQUIREMENTS = "one==1.0\n"
OFFLINE = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after \
connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object \
at 0x7f>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': \
/simple/one/
ERROR: Could not find a version that satisfies the requirement one==1.0 (from versions: none)
ERROR: No matching distribution found for one==1.0
"""
STALLED = """\
ERROR: Exception:
Traceback (most recent call last):
  File "pip/_vendor/urllib3/response.py", line 438, in _error_catcher
    yield
pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='a', port=443): Read timed out.
"""
UNREACHED = "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='a', port=443): Max retries exceeded\n"
FULL = f"""\
{OFFLINE.splitlines()[0]}
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
"""
DEBIAN = """\
The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.
"""
UNKNOWN = "ERROR: No matching distribution found for one==1.0\n"


class Place:
    """A folder with the Makefile, in which Pythons are scripts that say their version."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "envs").mkdir()
        (root / "envs/make_venv.sh").write_bytes((ROOT / "envs/make_venv.sh").read_bytes())
        (root / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
        (root / "envs/requirements.txt").write_text(REQUIREMENTS)
        self.bin = root / "bin"
        self.bin.mkdir()
        self.installed = root / ".venv/installed"

    def python(
        self, name: str, version: str, *, venv: str = "", pip: str = "", has_pip: bool = True
    ) -> Path:
        """A Python of a version.

        venv, pip: what they end with, as an error; empty: they succeed
        """
        (self.bin / f"{name}.venv").write_text(venv)
        (self.bin / f"{name}.pip").write_text(pip)
        path = self.bin / name
        path.write_text(f"""\
#!/bin/sh
echo "{name} $*" >> "{self.root}/calls"
case $* in
*version_info\\[:3\\]*) echo {version} ;;
*version_info*) test {version.split(".")[1]} -ge 11; exit $((! $?)) ;;
*"-m venv"*)
    mkdir -p .venv/bin
    cat "{self.bin}/{name}.venv"
    test ! -s "{self.bin}/{name}.venv" || exit 1
    cp "{path}" .venv/bin/python ;;
*"pip --version"* | *ensurepip*) {"exit 0" if has_pip else "exit 1"} ;;
*"pip install"*)
    cat "{self.bin}/{name}.pip" >&2
    test ! -s "{self.bin}/{name}.pip" ;;
*) exit 99 ;;
esac
""")
        path.chmod(0o755)
        return path

    def venv(self, python: Path) -> None:
        """A .venv that was made with this Python and is complete."""
        (self.root / ".venv/bin").mkdir(parents=True)
        (self.root / ".venv/bin/python").write_bytes(python.read_bytes())
        (self.root / ".venv/bin/python").chmod(0o755)
        self.installed.write_text(REQUIREMENTS)

    def make(self, python: str | Path = "python3") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", ".venv/installed", f"PYTHON={python}"],
            cwd=self.root,
            env={"PATH": f"{self.bin}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    def refused(self, python: str | Path = "python3") -> str:
        """The one sentence that make refuses with, above make's own last line."""
        run = self.make(python)
        assert run.returncode == 2
        assert run.stdout == ""
        assert not self.installed.exists()
        *said, last = run.stderr.splitlines()
        assert last.startswith("make: *** ")
        sentences = [line for line in said if not line.startswith("make: installing")]
        assert len(sentences) == 1
        return sentences[0]

    def calls(self) -> str:
        calls = self.root / "calls"
        said = calls.read_text() if calls.exists() else ""
        calls.unlink(missing_ok=True)
        return said


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_packages_are_installed_once_and_again_when_they_are_others(place: Place) -> None:
    place.python("python3", "3.11.0")
    run = place.make()
    assert run.returncode == 0, run.stderr
    assert "installing the packages of envs/requirements.txt" in run.stderr
    assert "pip install" in place.calls()
    assert place.installed.read_text() == REQUIREMENTS
    run = place.make()
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert "pip" not in place.calls()
    (place.root / "envs/requirements.txt").write_text("two==2.0\n")
    assert place.make().returncode == 0
    assert "pip install" in place.calls()
    assert place.installed.read_text() == "two==2.0\n"


@pytest.mark.parametrize("version", ["3.10.13", "3.9.1", "2.7.18"])
def test_a_python_that_is_too_old_is_refused_before_anything_is_installed(
    place: Place, version: str
) -> None:
    place.python("python3", version)
    said = place.refused()
    assert said == (
        f"make: python3 is Python {version}, but 3.11 or newer is needed; "
        "name a newer one: make PYTHON=python3.12"
    )
    assert "-m" not in place.calls().split()
    assert not (place.root / ".venv").exists()


def test_a_newer_python_can_be_named(place: Place) -> None:
    place.python("python3", "3.9.1")
    place.python("python3.12", "3.12.1")
    assert place.make("python3.12").returncode == 0
    assert place.make().returncode == 0  # .venv has what it needs, and python3 is not asked
    assert place.installed.exists()


def test_a_python_that_is_not_there_is_refused(place: Place) -> None:
    assert place.refused("python3.99") == (
        "make: python3.99 does not run; install Python 3.11 or newer, "
        "or name one that is here: make PYTHON=python3.12"
    )


def test_a_venv_of_an_older_python_is_replaced(place: Place) -> None:
    place.python("python3", "3.11.0")
    place.venv(place.python("python3.9", "3.9.1"))
    run = place.make()
    assert run.returncode == 0
    assert "make: .venv was made with Python 3.9.1, which is too old; it is replaced." in run.stderr
    assert "python3 -m venv .venv" in place.calls()
    assert place.installed.read_text() == REQUIREMENTS


def test_a_venv_is_not_given_up_for_a_python_that_is_no_better(place: Place) -> None:
    old = place.python("python3", "3.9.1")
    place.venv(old)
    run = place.make()
    assert run.returncode == 2
    assert "python3 is Python 3.9.1, but 3.11 or newer is needed" in run.stderr
    assert place.installed.exists()


def test_a_venv_whose_python_is_gone_is_replaced(place: Place) -> None:
    place.venv(place.python("python3", "3.11.0"))
    (place.root / ".venv/bin/python").unlink()
    (place.root / ".venv/bin/python").symlink_to("/nowhere/python3.11")
    run = place.make()
    assert run.returncode == 0
    assert "make: .venv has no Python that runs; it is replaced." in run.stderr


def test_what_a_venv_leads_to_is_left_alone(place: Place, tmp_path: Path) -> None:
    place.python("python3", "3.11.0")
    place.venv(place.python("python3.9", "3.9.1"))
    (place.root / ".venv").rename(place.root / "elsewhere")
    (place.root / ".venv").symlink_to("elsewhere")
    assert place.make().returncode == 0
    assert (tmp_path / "elsewhere/bin/python").exists()
    assert not (place.root / ".venv").is_symlink()


def test_a_venv_without_pip_is_replaced(place: Place) -> None:
    place.python("python3", "3.11.0")
    place.venv(place.python("other", "3.11.0", has_pip=False))
    place.installed.unlink()
    run = place.make()
    assert run.returncode == 0
    assert "make: .venv has no pip; it is replaced." in run.stderr


@pytest.mark.parametrize("log", [OFFLINE, STALLED, UNREACHED])
def test_no_network_is_said_to_be_no_network(place: Place, log: str) -> None:
    place.python("python3", "3.11.0", pip=log)
    assert place.refused() == (
        "make: pip cannot reach the package index; connect to the network, then run make again."
    )
    place.python("python3", "3.11.0")
    (place.root / ".venv/bin/python").write_bytes((place.bin / "python3").read_bytes())
    assert place.make().returncode == 0  # and goes on in the .venv that is there
    assert place.installed.exists()


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (UNKNOWN, "No matching distribution found for one==1.0"),
        (FULL, "Could not install packages due to an OSError: [Errno 28] No space left on device"),
    ],
)
def test_another_failure_of_pip_is_told_by_its_last_error(place: Place, log: str, why: str) -> None:
    place.python("python3", "3.11.0", pip=log)
    assert place.refused() == (
        f"make: pip cannot install envs/requirements.txt: {why} "
        "Its whole output is in .venv/pip.log."
    )
    assert (place.root / ".venv/pip.log").read_text() == log


def test_packages_that_could_not_be_replaced_are_not_taken_for_installed(place: Place) -> None:
    place.venv(place.python("python3", "3.11.0", pip=UNKNOWN))
    (place.root / "envs/requirements.txt").write_text("two==2.0\n")
    assert "No matching distribution" in place.refused()


@pytest.mark.parametrize(
    ("venv", "sentence"),
    [
        (
            DEBIAN,
            "make: python3 has no module venv or no pip; install them (on Debian and Ubuntu: apt install python3-venv), then run make again.",
        ),
        (
            "Error: [Errno 28] No space left on device: '.venv'\n",
            "make: python3 cannot make .venv: Error: [Errno 28] No space left on device: '.venv'",
        ),
    ],
)
def test_a_venv_that_cannot_be_made_leaves_none(place: Place, venv: str, sentence: str) -> None:
    place.python("python3", "3.11.0", venv=venv)
    assert place.refused() == sentence
    assert not (place.root / ".venv").exists()


@pytest.mark.parametrize(("arguments", "cores"), [([], "all"), (["CORES=1"], "1")])
def test_make_uses_all_cores_unless_it_is_told(arguments: list[str], cores: str) -> None:
    command = ["make", "--dry-run", "run", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"snakemake --cores {cores}" in run.stdout
