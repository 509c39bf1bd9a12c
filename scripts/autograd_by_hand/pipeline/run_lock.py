"""One run at a time in a folder, and none beside a stage that an earlier run left behind.

Two locks of the operating system, which end with the processes that hold them: a run holds the one,
every stage holds a share of the other. A run that was killed leaves nothing to clear away, and if
a stage of it is still at work (the warm Python's end with the run, a cold one does not), the next
run waits for it.
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
    """Take the folder for this process, once no stage of an earlier run is at work.

    Raises
        UserError: if another run has the folder.
    """
    lock = _opened(RUN)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        raise UserError(
            f"another run (process {owner}) is at work in this folder; "
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
    """Let no other run begin while this process, on a node of a cluster, is at work."""
    stages = _opened(STAGES)
    fcntl.flock(stages, fcntl.LOCK_SH)
    _held.append(stages)


@contextmanager
def stage_at_work() -> Iterator[None]:
    """Let no other run begin while this stage is at work."""
    with _opened(STAGES) as stages:
        fcntl.flock(stages, fcntl.LOCK_SH)
        yield


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(exist_ok=True)
    return path.open("a+", encoding="utf-8")
