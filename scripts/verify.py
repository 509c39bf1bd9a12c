"""Check an archive of an experiment: every file, the manifest, and the results by a replay.

    python scripts/verify.py archives/25-autograd-by-hand.tar.gz
    python scripts/verify.py --signers signers.txt archives/25-autograd-by-hand.tar.gz
    python scripts/verify.py experiments/25-autograd-by-hand

It needs Python and numpy. It lists each file as intact, changed, missing or extra, according to an
archive's SHA256SUMS or a folder's manifest.json. Then it computes the experiment's results again
with its own code, from the archived inputs and the revealed summation orders, and prints how many
elements have the archived bits. The exit status is 0 if nothing is wrong.

The archive is untrusted: none of its code is executed and nothing is unpickled, its names and sizes
are checked before they are used (`archive.canonical_tar`), the replay reads and writes only its own
arrays, text from the archive is escaped before it is printed, and the whole check is limited to
8 GiB of memory and 10 minutes of processor time (`archive.limits`). A forger could still pack a
different but consistent experiment. So ask who made it: with `--sha256` it must have the SHA-256
that its author published, with `--signers` the signature of someone whom you trust
(`scripts/sign.py`; this needs ssh-keygen). A folder is trusted: links in it are followed.
"""

import argparse
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from autograd_by_hand.archive.limits import out_of_memory, within_limits
from autograd_by_hand.archive.reader import COMPUTED, Archive, listed_in, opened
from autograd_by_hand.archive.signatures import signature_of, signed_by
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, sha256
from autograd_by_hand.core.printable import printable
from autograd_by_hand.replay.compare import Replay, verified
from autograd_by_hand.storage.manifest import ListedFile
from autograd_by_hand.storage.missing import missing_in
from autograd_by_hand.storage.safetensors_numpy import arrays_by_sample, by_sample


def verify(archive: Archive) -> Iterator[tuple[bool, str]]:
    """Check an experiment; yield the findings, each as a line and whether it is good.

    Raises
        UserError: if these are recorded results, which cannot be computed again.
    """
    if archive.is_recorded:
        raise UserError(
            f"experiments/{archive.name}: a recorded run has no inputs to compute it from; "
            "verify an archive, or the experiment's own folder after make."
        )
    states = archive.states()
    for path, state in states.items():
        left_out = state == "missing" and COMPUTED.search(path)
        yield bool(left_out) or state == "intact", f"{state:8}{path}"
    try:
        manifest = archive.manifest()
    except UserError as error:
        yield False, str(error)
        return
    if manifest["experiment"] != archive.name:
        yield False, f"the manifest is that of {manifest['experiment']}, not of {archive.name}"
    for listed in listed_in(manifest):
        if found := _against_manifest(archive, listed):
            yield False, found
    if any(state == "changed" for state in states.values()):
        yield False, "replay  not tried, since files are changed"
        return
    if not manifest["dtypes"]:
        yield False, "the manifest lists no dtype"
    for dtype in manifest["dtypes"]:
        yield from _replayed(archive, dtype)


def _against_manifest(archive: Archive, listed: ListedFile) -> str | None:
    """A line on what is wrong with a file that the manifest lists; None if it is intact."""
    path = listed["path"]
    if path in archive.hashes:
        same = archive.hashes[path] == listed["sha256"]
        return None if same else f"changed {path}: the manifest has another hash"
    return None if COMPUTED.search(path) else f"missing {path}: the manifest lists it"


def _replayed(archive: Archive, dtype: str) -> Iterator[tuple[bool, str]]:
    """Replay one dtype; yield a line for each tensor, and whether it is good."""
    work = archive.folder / "work" / dtype
    for name in ("operations.json", "recorded.safetensors", "orders.json"):
        if missing := missing_in(work / name):
            yield False, f"replay  {dtype}: cannot be tried, since {name} {missing.words}"
            return
    try:
        found = _replay(archive, dtype)
    except (UserError, OSError) as error:
        yield False, f"replay  {dtype}: {str(error).replace(f'{archive.root}/', '')}"
        return
    except MemoryError:
        yield False, f"replay  {dtype}: {out_of_memory()}"
        return
    except Exception as error:  # noqa: BLE001 - whatever a forged program provokes
        yield False, f"replay  {dtype}: cannot be executed ({type(error).__name__}: {error})"
        return
    rows = [row for row in found["tensors"] if row["data"] == "experiment"]
    if not rows and not found["constants"]:
        yield False, f"replay  {dtype}: nothing of it is archived"
    for row in rows:
        met = f"{row['identical']} of {row['elements']} elements have the archived bits"
        yield row["identical"] == row["elements"], f"replay  {dtype} {row['tensor']}: {met}"
    for operation, count in found["given"].items():
        yield True, f"replay  {dtype}: {count} results of {operation} taken as recorded"
    for name in found["constants"]:
        yield True, f"replay  {dtype} {name}: taken as recorded, since no operation makes it"
    for one in found["refused"]:
        yield True, f"replay  {dtype} {one['tensor']}: taken as recorded, since {one['reason']}"
    if found["others"]:
        yield (
            True,
            f"replay  {dtype}: {len(found['others'])} runs make other operations or shapes",
        )


def _replay(archive: Archive, dtype: str) -> Replay:
    work = archive.folder / "work"
    recorded = arrays_by_sample(work / dtype / "recorded.safetensors")
    results = _results(work / dtype)
    return verified(
        dtype,
        read_json(work / dtype / "operations.json")["autograd"],
        read_json(work / dtype / "orders.json")["sums"],
        arrays_by_sample(work / "draws.safetensors", work / "cotangents.safetensors"),
        {sample: recorded[sample] | arrays for sample, arrays in results.items()},
    )


def _results(work: Path) -> dict[str, dict[str, NDArray[Any]]]:
    """Autograd's results by sample and name: those kept in an archive, or all of a folder's."""
    kept = work / "gradients.safetensors"
    if kept.is_file():
        return by_sample(arrays_by_sample(kept)["autograd"])
    return arrays_by_sample(work / "autograd.safetensors")


def main(arguments: list[str]) -> int:
    """Verify each of the paths and print what is found; return the exit status.

    Raises
        UserError: if one is neither an archive nor an experiment, or exceeds the limits.
    """
    given = _parsed(arguments)
    well = True
    for path in given.paths:
        with within_limits(str(path)), opened(path) as archive:
            counts = Counter[bool]()
            for good, line in chain(_origin(path, archive, given), verify(archive)):
                print(printable(line))
                counts[good] += 1
        well &= not counts[False]
        hash_ = "" if path.is_dir() else f"; its SHA-256 is {sha256(path)}"
        print(f"{path}: {'intact' if not counts[False] else 'NOT intact'}{hash_}")
    return int(not well)


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="verify", description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="ARCHIVE or FOLDER")
    parser.add_argument("--sha256", help="the SHA-256 that the archive must have")
    parser.add_argument(
        "--signers", type=Path, help="whose signature it must have, as ssh-keygen's allowed signers"
    )
    given = parser.parse_args(arguments)
    if not given.paths:
        raise UserError(
            "name an archive or an experiment's folder: scripts/verify.py archives/NAME.tar.gz"
        )
    if given.sha256 is not None:
        if not re.fullmatch("[0-9a-fA-F]{64}", given.sha256):
            raise UserError(f"--sha256 {given.sha256}: is no SHA-256; it has 64 hex digits.")
        if len(given.paths) > 1:
            raise UserError("--sha256 is that of one archive; verify the others by themselves.")
    return given


def _origin(path: Path, archive: Archive, given: argparse.Namespace) -> Iterator[tuple[bool, str]]:
    """Check who made an archive, as far as this was asked for; yield findings as `verify` does.

    Raises
        UserError: if this was asked of a folder, which has no hash and no signature.
    """
    if path.is_dir():
        if given.signers or given.sha256:
            raise UserError(f"{path}: is a folder; only archives have a SHA-256 or a signature.")
        return
    if given.sha256:
        same = sha256(path) == given.sha256.lower()
        yield same, f"hash    {'as' if same else 'not as'} given with --sha256"
    if given.signers or signature_of(path).exists():
        good, words = signed_by(path, archive, given.signers)
        yield good, f"origin  {words}"
    elif not given.sha256:
        yield True, "origin  not signed, and no SHA-256 to compare with: anyone may have made it"


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly if `| head` has read enough
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(printable(f"verify: {error}"))
