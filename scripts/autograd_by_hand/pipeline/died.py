"""Describe the death of a stage's process in the author's code."""

import signal
from pathlib import Path

from autograd_by_hand.core.last_call import PATIENCE
from autograd_by_hand.pipeline.child_process import Ended

MEANINGS = {
    signal.SIGSEGV: "an access to memory that is not the process's own; look for native code that "
    "reads or writes outside of its arrays",
    signal.SIGBUS: "an access to memory that does not exist; look for native code that reads or "
    "writes outside of its arrays",
    signal.SIGABRT: "native code gave up, since memory is corrupted or an assertion does not hold",
    signal.SIGFPE: "native code divided an integer by zero",
    signal.SIGILL: "native code was compiled for another processor",
    signal.SIGKILL: "as the system does when memory runs out; use smaller tensors or fewer runs",
}


def why_died(rule: str, ended: Ended, called: str, output: Path) -> str:
    """A sentence on how a stage's process died: where, by which signal, and what that means.

    called: the author's file that was executed last, or ""
    output: the file of what the stage printed
    """
    inside = ended.is_in("experiments")
    place = ended.place if inside else called
    where = f"{place}: " if place else ""
    when = f"in {rule}" if inside or not place else f"in {rule}, which called this file last"
    if ended.overdue:
        config = Path(called).with_name("config.yaml")
        return (
            f"{where}native code did not return within {PATIENCE} times the time limit {when}, so "
            f"the process was ended; mend the loop or raise time_limit in {config}."
        )
    if ended.status >= 0:
        printed = _last_line(output)
        remark = f" The last that was printed: {printed}" if printed else ""
        return (
            f"{where}the process ended itself with status {ended.status} {when}; return from the "
            f"function and do not exit.{remark}"
        )
    ending = signal.Signals(-ended.status)
    meaning = f": {MEANINGS[ending]}" if ending in MEANINGS else ""
    return f"{where}the process was ended by {ending.name} {when}{meaning}."


def _last_line(output: Path) -> str:
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
