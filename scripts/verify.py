"""Verify an archive of an experiment: compute its results again, and say what that proves.

    python scripts/verify.py archives/25-autograd-by-hand.tar.gz
    python scripts/verify.py --signers signers.txt archives/25-autograd-by-hand.tar.gz
    python scripts/verify.py --program archives/25-autograd-by-hand.tar.gz
    python scripts/verify.py experiments/25-autograd-by-hand

It needs Python and numpy; with the packages of the pipeline it also renders the report again. It
ends with one word, which is the exit status as well:

reproduced (0)  Every gradient was computed again from the inputs by the recorded programs, bit by
                bit, and nothing was taken as given. The errors, the verdicts and the report follow
                from them and from the archived rounding noise.
consistent (3)  Nothing contradicts anything else, but some of it was taken as the archive has it.
                Each such thing is listed: a forger could have put it there.
broken (1)      Something contradicts the rest, or is missing; the first such thing is named.

The archive is untrusted: none of its code is executed and nothing is unpickled, its names and sizes
are checked before they are used (`archive.canonical_tar`), the replay reads and writes only its own
arrays, text from the archive is escaped before it is printed, and the whole check is limited to
8 GiB of memory and 10 minutes of processor time (`archive.limits`). A forger could still pack a
different but consistent experiment, and write a recorded program that forward.py does not execute;
`--program` prints it. So ask who made the archive: with `--sha256` it must have the SHA-256 that its
author published, with `--signers` the signature of someone whom you trust (`scripts/sign.py`; this
needs ssh-keygen). A folder is trusted: links in it are followed.
"""

import argparse
import re
import signal
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from autograd_by_hand.archive.limits import within_limits
from autograd_by_hand.archive.reader import Archive, opened
from autograd_by_hand.archive.signatures import signature_of, signed_by
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import sha256
from autograd_by_hand.core.printable import printable
from autograd_by_hand.verification.experiment import Experiment
from autograd_by_hand.verification.finding import BROKEN, Finding, Kind, broken, met, noted, word_for
from autograd_by_hand.verification.listing import listing
from autograd_by_hand.verification.verify import verify


def main(arguments: list[str]) -> int:
    """Verify each of the paths and print what is found; return the exit status of the worst.

    Raises
        UserError: if one is neither an archive nor an experiment, or exceeds the limits.
    """
    given = _parsed(arguments)
    words = []
    for path in given.paths:
        with within_limits(str(path)), opened(path) as archive:
            if given.program:
                for line in listing(Experiment(archive, archive.manifest())):
                    print(printable(line))
                continue
            findings: list[Finding] = []
            for finding in chain(_origin(path, archive, given), verify(archive)):
                print(printable(finding.line()))
                findings.append(finding)
        word = word_for(findings)
        words.append(word)
        first = [one.words for one in findings if one.kind is Kind.BROKEN][:1]
        why = f", first: {first[0]}" if first else ""
        hash_ = "" if path.is_dir() else f"; its SHA-256 is {sha256(path)}"
        print(f"{word.name}: {word.meaning}.")
        print(printable(f"{path}: {word.name}{why}{hash_}"))
    statuses = [word.status for word in words]
    return BROKEN.status if BROKEN.status in statuses else max(statuses, default=0)


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="verify", description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="ARCHIVE or FOLDER")
    parser.add_argument("--sha256", help="the SHA-256 that the archive must have")
    parser.add_argument(
        "--signers", type=Path, help="whose signature it must have, as ssh-keygen's allowed signers"
    )
    parser.add_argument(
        "--program", action="store_true", help="print the recorded programs instead"
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


def _origin(path: Path, archive: Archive, given: argparse.Namespace) -> Iterator[Finding]:
    """Find who made an archive, as far as this was asked for.

    Raises
        UserError: if this was asked of a folder, which has no hash and no signature.
    """
    if path.is_dir():
        if given.signers or given.sha256:
            raise UserError(f"{path}: is a folder; only archives have a SHA-256 or a signature.")
        return
    if given.sha256:
        same = sha256(path) == given.sha256.lower()
        yield met("hash", "as given with --sha256") if same else broken(
            "hash", "not as given with --sha256"
        )
    if given.signers or signature_of(path).exists():
        good, words = signed_by(path, archive, given.signers)
        yield met("origin", words) if good else broken("origin", words)
    elif not given.sha256:
        yield noted("origin", "not signed, and no SHA-256 to compare with: anyone may have made it")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly if `| head` has read enough
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(printable(f"verify: {error}"))
