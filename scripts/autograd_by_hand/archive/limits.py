"""Limit the memory and time for reading an archive, and report one that needs more."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from autograd_by_hand.core.errors import UserError

MEMORY = 8 * 1024**3  # bytes of address space; less on a machine that has less
SECONDS = 600  # of processor time
GRACE = 30  # further seconds of processor time, to report that the limit is exceeded


@contextmanager
def within_limits(what: str) -> Iterator[None]:
    """Limit this process to MEMORY and SECONDS while it reads `what`.

    Lower limits of the system are kept, and all limits remain after the block. A system that does
    not support a limit sets none.

    Raises
        UserError: if the block exceeds a limit, or Python's limit of recursion.
    """

    def out_of_time(_signal: int, _frame: FrameType | None) -> None:
        limit, hard = resource.getrlimit(resource.RLIMIT_CPU)
        _set(resource.RLIMIT_CPU, int(time.process_time()) + GRACE, hard)
        raise UserError(f"{what}: needs more than {limit} s of processor time.")

    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    _lower(resource.RLIMIT_AS, min(MEMORY, present))
    signal.signal(signal.SIGXCPU, out_of_time)
    _lower(resource.RLIMIT_CPU, SECONDS)
    try:
        yield
    except MemoryError as error:
        raise UserError(f"{what}: {out_of_memory()}.") from error
    except RecursionError as error:
        raise UserError(f"{what}: is nested too deeply.") from error


def out_of_memory() -> str:
    """A clause on something that needs more memory than this process may use."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return "needs more memory than " + (
        "there is" if limit == resource.RLIM_INFINITY else f"{limit / 1024**3:.1f} GiB"
    )


def _lower(kind: int, most: int) -> None:
    soft, hard = resource.getrlimit(kind)
    _set(kind, most if soft == resource.RLIM_INFINITY else min(most, soft), hard)


def _set(kind: int, soft: int, hard: int) -> None:
    with suppress(ValueError, OSError):  # macOS limits no address space
        resource.setrlimit(kind, (soft, hard))
