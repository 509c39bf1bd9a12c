"""Sign archives with an SSH key, so that who gets one can tell who made it.

    python scripts/sign.py --key ~/.ssh/id_ed25519 archives/25-autograd-by-hand.tar.gz

Each signature is written beside its archive, as NAME.tar.gz.sig. It is one of the archive's
SHA256SUMS, by OpenSSH's ssh-keygen, which must be installed. Whoever has your public key checks it
with `scripts/verify.py --signers`. `make archive SIGN=~/.ssh/id_ed25519` packs every experiment and
signs all of them.
"""

import argparse
import sys
from pathlib import Path

from autograd_by_hand.archive.limits import within_limits
from autograd_by_hand.archive.reader import opened
from autograd_by_hand.archive.signatures import sign
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.printable import printable


def main(arguments: list[str]) -> None:
    """Sign each of the archives that are named.

    Raises
        UserError: if one is no intact archive, or cannot be signed with the key.
    """
    parser = argparse.ArgumentParser(prog="sign", description=__doc__.partition("\n")[0])
    parser.add_argument("--key", type=Path, required=True, help="the private SSH key")
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    given = parser.parse_args(arguments)
    for path in given.archives:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; only archives are signed.")
        with within_limits(str(path)), opened(path) as archive:
            if unlike := [name for name, state in archive.states().items() if state != "intact"]:
                raise UserError(f"{path}: is not signed, since {unlike[0]} is not intact.")
            print(printable(f"{path}: signed in {sign(path, archive, given.key.expanduser())}"))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(printable(f"sign: {error}"))
