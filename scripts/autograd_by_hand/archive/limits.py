"""What looking at an archive may take of the machine, and the sentence for one that needs more."""

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
GRACE = 30  # seconds of it, for what is still to be said after these


@contextmanager
def within_limits(what: str) -> Iterator[None]:
    """Limit this process to MEMORY and SECONDS while it looks at `what`.

    Lower limits of the system stand, and all outlast the block. Where a system has no such limit,
    there is none.

    Raises
        UserError: if the block needs more, or follows nesting further than Python does.
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
    """What to say of whatever the memory does not suffice for."""
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
