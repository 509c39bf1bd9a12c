"""Compare two experiments: two archives or two folders, of two machines or two versions of torch.

    python scripts/compare.py archives/a.tar.gz archives/b.tar.gz
    python scripts/compare.py experiments/25-autograd-by-hand archives/25-autograd-by-hand.tar.gz
    python scripts/compare.py --json a.tar.gz b.tar.gz

Tells which settings, versions, inputs, orders of sums, errors and verdicts differ. Needs Python
alone. The exit status is 0 if they are the same in all of these, 1 if not, 2 if one cannot be read.
"""

import signal
import sys
from pathlib import Path

from autograd_by_hand.archive.diff import as_json, as_table, compare
from autograd_by_hand.archive.limits import within_limits
from autograd_by_hand.archive.reader import opened
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.printable import printable


def main(arguments: list[str]) -> int:
    """Compare, and tell; the exit status.

    Raises
        UserError: if the arguments are not two experiments.
    """
    paths = [Path(argument) for argument in arguments if argument != "--json"]
    if len(paths) != 2:
        raise UserError("name two archives or folders: scripts/compare.py [--json] FIRST SECOND")
    with opened(paths[0]) as first, opened(paths[1]) as second:
        compared = compare(first, second)
    if "--json" in arguments:
        print(as_json(compared))
    else:
        print(as_table(compared, (str(paths[0]), str(paths[1]))))
    return int(any(each.differences for each in compared))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads on may stop reading
    try:
        with within_limits(" ".join(sys.argv[1:])):
            status = main(sys.argv[1:])
        sys.exit(status)
    except UserError as error:
        print(printable(f"compare: {error}"), file=sys.stderr)
        sys.exit(2)
