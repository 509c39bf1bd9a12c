"""Signing an archive, and telling whose signature it has."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, TINY, Project

EXAMPLE = "a line of it is a name and a public key: alice@example.org ssh-ed25519 AAAA..."


def run(
    script: str, *arguments: str | Path, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, f"scripts/{script}.py", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=None if path is None else {"PATH": path},
    )


def key_of(folder: Path, who: str) -> tuple[Path, str]:
    """A new key, and its line in a file of signers."""
    path = folder / who
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", str(path)]
    subprocess.run(command, check=True)
    return path, f"{who}@example.org {path.with_suffix('.pub').read_text()}"


@pytest.fixture
def archive(archived: Project, tmp_path: Path) -> Path:
    return Path(shutil.copy(archived.archive, tmp_path / f"{TINY}.tar.gz"))


@pytest.fixture
def signers(archive: Path, tmp_path: Path) -> Path:
    """The archive is signed by alice; a file of her public key and bob's."""
    (alice, first), (_, second) = key_of(tmp_path, "alice"), key_of(tmp_path, "bob")
    made = run("sign", "--key", alice, archive)
    assert (made.returncode, made.stdout) == (0, f"{archive}: signed in {archive}.sig\n")
    (tmp_path / "signers.txt").write_text(second + first)
    return tmp_path / "signers.txt"


def origin(ran: subprocess.CompletedProcess[str]) -> str:
    """The line on who made an archive."""
    return next(line for line in ran.stdout.splitlines() if line.startswith("origin"))


def test_an_archive_without_a_signature_is_told_and_not_blamed(archive: Path) -> None:
    ran = run("verify", archive)
    assert ran.returncode == 0
    assert origin(ran) == (
        "origin  not signed, and no SHA-256 to compare with: anyone may have made it"
    )


def test_who_signed_an_archive_is_told(archive: Path, signers: Path) -> None:
    ran = run("verify", "--signers", signers, archive)
    assert ran.returncode == 0
    assert origin(ran).startswith(
        "origin  signed by alice@example.org with the ED25519 key SHA256:"
    )


@pytest.mark.usefixtures("signers")
def test_whose_signature_it_is_is_not_told_without_signers(archive: Path) -> None:
    ran = run("verify", archive)
    assert ran.returncode == 0
    assert origin(ran).startswith("origin  signed with the ED25519 key SHA256:")
    assert origin(ran).endswith("; whose it is can be told with --signers FILE")


def test_a_signature_of_someone_else_fails(archive: Path, signers: Path) -> None:
    signers.write_text(signers.read_text().splitlines()[0])  # bob's
    ran = run("verify", "--signers", signers, archive)
    assert ran.returncode == 1
    assert origin(ran).endswith(f", which is that of none of the signers in {signers}")
    assert ran.stdout.splitlines()[-1].startswith(f"{archive}: NOT intact")


def test_who_asks_for_a_signer_does_not_get_an_archive_without(
    archive: Path, signers: Path
) -> None:
    Path(f"{archive}.sig").unlink()
    ran = run("verify", "--signers", signers, archive)
    assert ran.returncode == 1
    assert origin(ran) == f"origin  not signed: there is no {TINY}.tar.gz.sig beside the archive"


@pytest.mark.parametrize("with_signers", [True, False])
def test_the_signature_of_another_archive_fails(
    archive: Path, signers: Path, with_signers: bool, tmp_path: Path
) -> None:
    sums = tmp_path / "SHA256SUMS"
    sums.write_text("of another\n")
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "autograd-by-hand", "-f"]
    subprocess.run([*sign, tmp_path / "alice", sums], check=True, capture_output=True)
    Path(f"{sums}.sig").replace(f"{archive}.sig")
    asked: list[str | Path] = ["--signers", signers] if with_signers else []
    ran = run("verify", *asked, archive)
    assert ran.returncode == 1
    assert origin(ran).startswith(f"origin  {TINY}.tar.gz.sig is no signature of this archive")


def test_a_signature_for_another_purpose_does_not_count(archive: Path, signers: Path) -> None:
    sums = subprocess.run(
        ["tar", "-xOzf", archive, f"{TINY}/SHA256SUMS"], check=True, capture_output=True
    ).stdout
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f"]
    made = subprocess.run(
        [*sign, signers.with_name("alice")], check=True, input=sums, capture_output=True
    ).stdout
    Path(f"{archive}.sig").write_bytes(made)
    ran = run("verify", "--signers", signers, archive)
    assert ran.returncode == 1
    assert origin(ran).startswith(f"origin  {TINY}.tar.gz.sig is no signature of this archive")


def test_what_is_no_signature_is_a_sentence(archive: Path) -> None:
    Path(f"{archive}.sig").write_bytes(b"\x1b[2J\xff no signature\n" * 1000)
    ran = run("verify", archive)
    assert ran.returncode == 1
    assert origin(ran).startswith(f"origin  {TINY}.tar.gz.sig is no signature of this archive")
    assert "\x1b" not in ran.stdout
    assert ran.stderr == ""


def test_the_readers_own_command_checks_a_signature(archive: Path, signers: Path) -> None:
    shell = (
        f"tar -xOf {archive} {TINY}/SHA256SUMS | ssh-keygen -Y verify -f {signers} "
        f"-I alice@example.org -n autograd-by-hand -s {archive}.sig"
    )
    subprocess.run(["bash", "-o", "pipefail", "-c", shell], check=True, capture_output=True)


@pytest.mark.parametrize(("change", "word", "status"), [("", "as", 0), ("0" * 64, "not as", 1)])
def test_a_published_hash_is_compared_with(
    archive: Path, change: str, word: str, status: int
) -> None:
    digest = change or run("verify", archive).stdout.split()[-1]
    ran = run("verify", "--sha256", digest.upper(), archive)
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (
        status,
        f"hash    {word} given with --sha256",
    )


def test_requests_that_cannot_be_met_are_a_sentence(archive: Path, tmp_path: Path) -> None:
    key, _ = key_of(tmp_path, "carol")
    nowhere, folder = tmp_path / "nowhere", ROOT / "experiments"
    asked: list[tuple[str, list[str | Path], str]] = [
        (
            "verify",
            ["--sha256", "12", archive],
            "--sha256 12: is no SHA-256; it has 64 hex digits.",
        ),
        (
            "verify",
            ["--sha256", "0" * 64, archive, archive],
            "--sha256 is that of one archive; verify the others by themselves.",
        ),
        (
            "verify",
            ["--signers", nowhere, archive],
            f"{nowhere}: there is no such file; {EXAMPLE}",
        ),
        (
            "sign",
            ["--key", nowhere, archive],
            f"{nowhere}: there is no such key; ssh-keygen makes one.",
        ),
        ("sign", ["--key", key, folder], f"{folder}: is a folder; only archives are signed."),
    ]
    for script, arguments, sentence in asked:
        ran = run(script, *arguments)
        assert (ran.returncode, ran.stderr) == (1, f"{script}: {sentence}\n")


def test_a_key_that_is_none_is_a_sentence(archive: Path) -> None:
    ran = run("sign", "--key", archive, archive)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"sign: {archive}: ssh-keygen does not sign with it (")
    assert not Path(f"{archive}.sig").exists()


def test_without_ssh_keygen_no_signature_is_vouched_for(
    archive: Path, signers: Path, tmp_path: Path
) -> None:
    ran = run("verify", archive, path=str(tmp_path))
    assert ran.returncode == 0
    assert origin(ran) == (
        "origin  signed, which cannot be checked, since ssh-keygen is not installed"
    )
    ran = run("verify", "--signers", signers, archive, path=str(tmp_path))
    assert ran.returncode == 1
    assert ran.stderr == (
        "verify: ssh-keygen is not installed; OpenSSH has it, and signatures need it.\n"
    )
