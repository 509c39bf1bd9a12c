"""Sign an archive with an SSH key, and tell who has signed one, by OpenSSH's ssh-keygen.

What is signed is the archive's SHA256SUMS, which has the hash of every other file. The signature
lies beside the archive, so that an archive's bytes do not depend on who signs it. Anyone can check
one without this code (PROTOCOL.sshsig of OpenSSH describes the format):

    tar -xOf NAME.tar.gz NAME/SHA256SUMS |
        ssh-keygen -Y verify -f SIGNERS -I WHO -n autograd-by-hand -s NAME.tar.gz.sig
"""

import shutil
import subprocess
from pathlib import Path

from autograd_by_hand.archive.reader import SUMS, Archive
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import atomic_path

NAMESPACE = "autograd-by-hand"  # a signature that was made for something else does not count
PATIENCE = 60.0  # seconds for a check; signing may wait for a passphrase


def signature_of(path: Path) -> Path:
    """The file beside an archive that holds its signature, if it is signed."""
    return path.with_name(f"{path.name}.sig")


def sign(path: Path, archive: Archive, key: Path) -> Path:
    """Write an archive's signature; return its path.

    path: of the archive that was opened as `archive`
    key: the private key, or the public one if an agent has the private one

    Raises
        UserError: if there is no such key, or ssh-keygen does not sign with it.
    """
    if not key.is_file():
        raise UserError(f"{key}: there is no such key; ssh-keygen makes one.")
    made = _ssh_keygen("sign", "-f", str(key), given=_sums(archive), patience=None)
    if made.returncode:
        raise UserError(f"{key}: ssh-keygen does not sign with it ({_said(made)}).")
    with atomic_path(signature_of(path)) as temporary:
        temporary.write_bytes(made.stdout)
    return signature_of(path)


def signed_by(path: Path, archive: Archive, signers: Path | None) -> tuple[bool, str]:
    """Tell who has signed an archive, in a sentence, and whether that is as it should be.

    path: of the archive that was opened as `archive`
    signers: whom to trust, in the format of OpenSSH's allowed signers; an archive that none of them
        has signed is not as it should be. None to ask only whether a signature is that of these
        bytes

    Raises
        UserError: if there is no such file of signers, or no ssh-keygen to check them with.
    """
    if signers and not signers.is_file():
        raise UserError(
            f"{signers}: there is no such file; a line of it is a name and a public key: "
            "alice@example.org ssh-ed25519 AAAA..."
        )
    signature = signature_of(path)
    if not signature.is_file():
        return signers is None, f"not signed: there is no {signature.name} beside the archive"
    if signers is None and not shutil.which("ssh-keygen"):
        return True, "signed, which cannot be checked, since ssh-keygen is not installed"
    sums, by = _sums(archive), ("-s", str(signature))
    good = _ssh_keygen("check-novalidate", *by, given=sums)
    if good.returncode:
        return False, f"{signature.name} is no signature of this archive ({_said(good)})"
    key = _said(good).rpartition(" with ")[2]
    if not signers:
        return True, f"signed with the {key}; whose it is can be told with --signers FILE"
    found = _ssh_keygen("find-principals", *by, "-f", str(signers), given=b"")
    for who in found.stdout.decode("utf-8", "replace").splitlines():
        trusted = _ssh_keygen("verify", *by, "-f", str(signers), "-I", who, given=sums)
        if not trusted.returncode:
            return True, f"signed by {who} with the {key}"
    return False, f"signed with the {key}, which is that of none of the signers in {signers}"


def _sums(archive: Archive) -> bytes:
    return (archive.root / SUMS).read_bytes()


def _ssh_keygen(
    action: str, *options: str, given: bytes, patience: float | None = PATIENCE
) -> "subprocess.CompletedProcess[bytes]":
    program = shutil.which("ssh-keygen")
    if program is None:
        raise UserError("ssh-keygen is not installed; OpenSSH has it, and signatures need it.")
    named = () if action == "find-principals" else ("-n", NAMESPACE)
    try:
        return subprocess.run(  # noqa: S603
            [program, "-Y", action, *options, *named],
            input=given,
            capture_output=True,
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"ssh-keygen -Y {action} did not end within {patience:g} s.") from None


def _said(run: "subprocess.CompletedProcess[bytes]") -> str:
    """What ssh-keygen told last."""
    lines = (run.stderr.strip() or run.stdout.strip()).decode("utf-8", "replace").splitlines()
    return lines[-1] if lines else f"exit status {run.returncode}"
