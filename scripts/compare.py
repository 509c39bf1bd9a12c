"""Compare two runs of experiments, each an archive or a folder: of two machines, for example.

    python scripts/compare.py experiments/25-autograd-by-hand
    python scripts/compare.py archives/a.tar.gz archives/b.tar.gz
    python scripts/compare.py experiments/25-autograd-by-hand archives/25-autograd-by-hand.tar.gz
    python scripts/compare.py --json a.tar.gz b.tar.gz

With one experiment's folder as the only argument, it compares the recorded results in it with the
last run. It prints which settings, versions, inputs, summation orders, shares of the difference,
errors and verdicts differ. It needs nothing but Python. The exit status is 0 if all of these are
the same, 1 if not, and 2 if an experiment cannot be read.
"""

import signal
import sys
from pathlib import Path

from autograd_by_hand.archive.diff import as_json, as_table, compare
from autograd_by_hand.archive.limits import within_limits
from autograd_by_hand.archive.reader import RECORDED, opened
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.printable import printable


def main(arguments: list[str]) -> int:
    """Print the comparison of the experiments that are named; return the exit status.

    Raises
        UserError: if the arguments are neither two experiments nor one with recorded results.
    """
    paths = [Path(argument) for argument in arguments if argument != "--json"]
    if len(paths) == 1 and (paths[0] / "config.yaml").is_file():
        paths.insert(0, paths[0] / RECORDED)
        if not paths[0].is_dir():
            raise UserError(f"{paths[0]}: is not there; make record records the last run.")
    if len(paths) != 2:
        raise UserError(
            "name two archives or folders, or the folder of an experiment that has a recorded run: "
            "scripts/compare.py [--json] FIRST [SECOND]"
        )
    with opened(paths[0]) as first, opened(paths[1]) as second:
        compared = compare(first, second)
    if "--json" in arguments:
        print(as_json(compared))
    else:
        print(as_table(compared, (str(paths[0]), str(paths[1]))))
    return int(any(each.differences for each in compared))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly if `| head` has read enough
    try:
        with within_limits(" ".join(sys.argv[1:])):
            status = main(sys.argv[1:])
        sys.exit(status)
    except UserError as error:
        print(printable(f"compare: {error}"), file=sys.stderr)
        sys.exit(2)
