"""Execute a function in a child process, so that its death is its own.

The time limit of the author's code is kept by an alarm in the child, which waits for native code to
return. So the parent looks now and then whether a call is overdue, and ends the child then.
"""

import faulthandler
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType

from autograd_by_hand.core.last_call import PATIENCE, is_overdue, last
from autograd_by_hand.core.messages import Message
from autograd_by_hand.pipeline.warm_python import die_with_parent

_FRAME = re.compile(r'^  File "(.+)", line (\d+)', re.MULTILINE)
LOOKS = 1.0  # seconds between two looks at whether a call is overdue
SCRIPTS = (".snakemake", "scripts")  # where Snakemake keeps its copies
_STOPPED_BY_SOMEONE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Ended:
    """How a child process ended.

    answer: what the function returned, None if the process died before
    status: the exit status, or minus the number of the signal that ended it
    stack: where it was when a signal ended it, as faulthandler writes it; may be empty
    overdue: whether this process ended it, since a call of the author's code did not end
    """

    answer: str | None
    status: int
    stack: str
    overdue: bool = False

    @property
    def killed(self) -> bool:
        """Whether it was killed from outside, as by a system that runs out of memory."""
        return self.status == -signal.SIGKILL and not self.overdue

    @property
    def place(self) -> str:
        """The innermost line of the project that was executed, or "" if it is not known."""
        lines = (line_of_project(file, int(line)) for file, line in _FRAME.findall(self.stack))
        return next(filter(None, lines), "")

    def is_in(self, folder: str) -> bool:
        """Whether that line is in a file of this folder of the project."""
        return self.place.startswith(f"{folder}/")

    def in_words(self) -> str:
        """A clause on how it died."""
        if self.overdue:
            return Message(
                "native code called at {place} did not return within {factor} times the time "
                "limit, so its process was ended",
                place=self.place or last(),
                factor=PATIENCE,
            )
        if self.killed:
            return Message(
                "its process was killed (SIGKILL), as the system does when memory runs out"
            )
        if self.status >= 0:
            return Message("its process ended itself with status {status}", status=self.status)
        name = signal.Signals(-self.status).name
        if self.place:
            return Message(
                "its process was ended by {signal} at {place}", signal=name, place=self.place
            )
        return Message("its process was ended by {signal}", signal=name)


def line_of_project(file: str, line: int | None) -> str:
    """A line of a file as seen from the project's root, or "" if the file is not the project's.

    Of a stage's script Snakemake executes a copy with other lines, so only the file is named.
    """
    path = Path(os.path.relpath(file))
    if path.parts[:2] == SCRIPTS:
        return f"scripts/{path.name.split('.', 1)[1]}"
    is_ours = path.parts[0] != os.pardir and "site-packages" not in path.parts
    return f"{path}:{line}" if is_ours and path.exists() else ""


def in_child(act: Callable[[], str]) -> Ended:
    """Execute `act` in a fork of this process, and wait for its end.

    Raises
        KeyboardInterrupt: if this process or the child was asked to stop.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with TemporaryFile("w+", encoding="utf-8") as file:
        parent = os.getpid()
        # So that Ctrl-C cannot come between the fork and the `try`.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        child = os.fork()
        if child == 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _be_child(act, file.fileno(), parent)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            with _ended_if_overdue(child) as ended:
                _, state = os.waitpid(child, 0)
        except BaseException:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        status = os.waitstatus_to_exitcode(state)
        file.seek(0)
        text = file.read()
    if -status in _STOPPED_BY_SOMEONE:
        raise KeyboardInterrupt
    answered = status == 0 and text.endswith(_END)
    answer, stack = (text.removesuffix(_END), "") if answered else (None, text)
    return Ended(answer, status, stack, overdue=bool(ended))


@contextmanager
def _ended_if_overdue(child: int) -> Iterator[list[signal.Signals]]:
    """Look now and then whether the child's call is overdue; yield what it was ended by."""
    sent: list[signal.Signals] = []

    def look(_: int, __: FrameType | None) -> None:
        if is_overdue():
            sent.append(signal.SIGKILL if sent else signal.SIGABRT)  # which writes the stack
            with suppress(ProcessLookupError):
                os.kill(child, sent[-1])

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOKS, LOOKS)
    try:
        yield sent
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_END = "\n.\n"  # after an answer, so that a process that ends itself does not seem to give one


def _be_child(act: Callable[[], str], file: int, parent: int) -> None:
    """Write the answer of `act`, or the stack when a signal ends this process; do not return."""
    status = 1
    try:
        die_with_parent()
        if os.getppid() == parent:
            faulthandler.enable(file, all_threads=False)
            answer = (act() + _END).encode()
            while answer:
                answer = answer[os.write(file, answer) :]
            status = 0
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
