"""Execute an explaining stage, whose failure must not cost the verdict.

It runs in a child process. Whatever it raises, and if its process dies, its outputs are written and
say that this part of the results is missing, and why.
"""

import errno
import json
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import clear_away_torn, plain
from autograd_by_hand.core.last_call import watch
from autograd_by_hand.core.messages import Message, clause, message_of
from autograd_by_hand.core.progress import tell
from autograd_by_hand.pipeline.child_process import in_child, line_of_project
from autograd_by_hand.pipeline.purposes import EXPLAINING
from autograd_by_hand.pipeline.receipts import Job, all_code
from autograd_by_hand.storage.missing import Missing, missing_in, write_missing

LONGEST = 200  # characters of an exception's text in a report
# The errors of a system that refuses to write a file: no space, no quota or no permission.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class Failed:
    """What a failed stage leaves: the text of its log, and `missing` of its receipt."""

    log: str
    receipt: str


class _Outcome(TypedDict):
    """How a stage ended, if its process did not die.

    why: a clause; of a file that cannot be written, its path
    number: then the error's
    """

    kind: Literal["done", "interrupted", "unwritable", "refused", "no memory", "defect"]
    why: str
    trace: str
    number: int


def explain(
    stage: Callable[..., None], given: dict[str, Any], job: Job, dtype: str | None
) -> Failed | None:
    """Call an explaining stage; if it fails, write that its outputs are missing, and tell so.

    given: its arguments

    Raises
        UserError: if the stage refuses what no other stage reads.
        OSError: if a file cannot be written.
        KeyboardInterrupt: if the stage was asked to stop.
    """
    purpose = EXPLAINING[job.rule]
    for name in purpose.needs:
        if inherited := missing_in(given[name]):
            _write(job, inherited)
            return Failed(f"not computed, since {given[name]} is missing\n", all_code())
    watch()
    ended = in_child(lambda: json.dumps(_outcome(stage, given)))
    if ended.answer is None:
        why, trace, again = ended.in_words(), ended.stack, ended.killed
        theirs = ended.overdue or ended.killed or ended.is_in("experiments")
        is_ours = ended.status < 0 and not theirs
    else:
        outcome: _Outcome = json.loads(ended.answer, object_hook=message_of)
        why, trace = outcome["why"], outcome["trace"]
        if outcome["kind"] == "done":
            return None
        if outcome["kind"] == "interrupted":
            raise KeyboardInterrupt
        if outcome["kind"] == "unwritable":
            raise OSError(outcome["number"], os.strerror(outcome["number"]), why)
        if outcome["kind"] == "refused" and purpose.refuses:
            raise UserError(why)
        is_ours, again = outcome["kind"] == "defect", outcome["kind"] == "no memory"
    words = Message("could not be computed: {why}", why=clause(why))
    if is_ours:
        words = Message("{words}; please report", words=words)
    _write(job, Missing(job.rule, dtype, words, job.log))
    tell(f"\n{job.rule} {words}. The verdict does not need it; the log is {job.log}.\n")
    return Failed(trace or f"{why}\n", "" if again else all_code())


def _write(job: Job, missing: Missing) -> None:
    for path in map(Path, job.outputs):
        clear_away_torn(path)
        write_missing(path, missing)


def _outcome(stage: Callable[..., None], given: dict[str, Any]) -> _Outcome:
    """Call a stage, and put into plain JSON how it ended."""

    def ended(kind: Any, why: str = "", trace: str = "", number: int = 0) -> _Outcome:
        return {"kind": kind, "why": plain(why), "trace": trace, "number": number}

    try:
        stage(**given)
    except KeyboardInterrupt:
        return ended("interrupted")
    except UserError as error:
        return ended("refused", error.sentence)
    except BaseException as error:  # noqa: BLE001 - nothing that it raises costs the verdict
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            return ended("unwritable", str(error.filename or ""), number=error.errno or 0)
        kind = "no memory" if isinstance(error, MemoryError) else "defect"
        return ended(kind, _described(error), traceback.format_exc())
    return ended("done")


def _described(error: BaseException) -> str:
    """An exception in one clause: its class, its text, and the line of the project it came from."""
    text = " ".join(str(error).split()).rstrip(".")[:LONGEST]
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    lines = [line for one in frames if (line := line_of_project(one.filename, one.lineno))]
    return f"{what} ({lines[-1]})" if lines else what
