"""Allow only one run at a time in a folder, and none while a stage of an earlier run is running.

There are two locks of the operating system, which are released when their processes end: a run
holds one exclusively, and its stages share the other. A run that was killed leaves no lock behind.
If one of its stages is still running (only an ordinary Python's can be; the warm Python ends with
the run), the next run waits for it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from autograd_by_hand.core.errors import UserError

RUN = Path(".snakemake/run.lock")
STAGES = Path(".snakemake/stages.lock")


_held: list[IO[str]] = []  # until this process ends


def be_the_only_run() -> None:
    """Lock the folder for this process, and wait until no stage of an earlier run is running.

    Raises
        UserError: if another run has locked the folder.
    """
    lock = _opened(RUN)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        raise UserError(
            f"another run (process {owner}) is active in this folder; "
            "wait until it ends, or stop it, then run snakemake again."
        ) from None
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    with _opened(STAGES) as stages:
        fcntl.flock(stages, fcntl.LOCK_EX)
    _held.append(lock)


def be_part_of_a_run() -> None:
    """Keep other runs from starting until this process, on a node of a cluster, has ended."""
    stages = _opened(STAGES)
    fcntl.flock(stages, fcntl.LOCK_SH)
    _held.append(stages)


@contextmanager
def stage_at_work() -> Iterator[None]:
    """Keep other runs from starting within the block, in which a stage is executed."""
    with _opened(STAGES) as stages:
        fcntl.flock(stages, fcntl.LOCK_SH)
        yield


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(exist_ok=True)
    return path.open("a+", encoding="utf-8")
