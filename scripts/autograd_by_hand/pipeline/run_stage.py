"""Run a stage's function for Snakemake: bind its arguments by name, log and report its errors.

A stage is a function whose parameters carry the names of its rule's inputs, outputs, params,
resources and wildcards. It knows nothing of Snakemake, so a test can call it like any function.

A stage that executes the author's code does so in a child process, which may die. If it is an
explaining stage, the job succeeds then, and whatever it raises: the log says why, and the outputs
say that this part of the results is missing.
"""

import inspect
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.last_call import last, watch
from autograd_by_hand.core.progress import tell
from autograd_by_hand.pipeline.author_output import kept_output, output_of
from autograd_by_hand.pipeline.child_process import in_child
from autograd_by_hand.pipeline.died import why_died
from autograd_by_hand.pipeline.explain import UNWRITABLE, explain
from autograd_by_hand.pipeline.purposes import EXPLAINING
from autograd_by_hand.pipeline.receipts import ORDER_ONLY, Job, begin, end
from autograd_by_hand.pipeline.run_lock import stage_at_work

TIME_LIMIT = "time_limit"  # the resource of a rule whose stage executes the author's code
# The environment variable with the rules whose failures the run itself reports: a name or "all".
REPORTED_BY_RUN = "REPORTED_BY_RUN"


def run_stage(stage: Callable[..., None], snakemake: Any) -> None:
    """Call `stage` with the rule's values and write a receipt; on failure, exit with status 1.

    The reason is logged, and printed unless the run does so: one sentence for a `UserError` and for
    a file that cannot be written, and a traceback for anything else, which is a defect of this
    project.
    """
    rule, log = snakemake.rule, Path(snakemake.log[0])
    calls_author = TIME_LIMIT in dict(snakemake.resources.items())
    try:
        with _interruptible(), stage_at_work():
            if calls_author and rule not in EXPLAINING:
                _run_in_child(stage, snakemake, log)
            else:
                _run_or_fail(stage, snakemake, log)
    except KeyboardInterrupt:
        _fail(rule, log, f"{rule}: interrupted; run snakemake again to continue from here.")


def _run_in_child(stage: Callable[..., None], snakemake: Any, log: Path) -> None:
    """Run a stage in a child process; if that dies, say how."""
    with suppress(OSError):
        log.unlink(missing_ok=True)

    def act() -> str:
        try:
            return _run_or_fail(stage, snakemake, log)
        except KeyboardInterrupt:  # end by the signal, so that the parent process knows
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
            raise

    watch()
    ended = in_child(act)
    if ended.answer is None:
        if ended.status != 1 or not log.is_file():  # it did not fail in a sentence of its own
            _fail(snakemake.rule, log, why_died(snakemake.rule, ended, last(), output_of(log)))
        raise SystemExit(1)


def _run_or_fail(stage: Callable[..., None], snakemake: Any, log: Path) -> str:
    rule = snakemake.rule
    try:
        _run(stage, snakemake, log)
    except UserError as error:
        _fail(rule, log, str(error))
    except OSError as error:
        if error.errno not in UNWRITABLE:
            _fail(rule, log, traceback.format_exc())
        _fail(rule, log, _unwritable(error, snakemake.output[0]))
    except Exception:  # noqa: BLE001 - the log keeps it and the stage fails
        _fail(rule, log, traceback.format_exc())
    return ""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Unblock Ctrl-C, which `pipeline.warm_python` blocks while a stage's Python starts."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(stage: Callable[..., None], snakemake: Any, log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    job = Job(
        rule=snakemake.rule,
        log=str(log),
        inputs=[path for path in snakemake.input if path != snakemake.input.get(ORDER_ONLY)],
        outputs=list(snakemake.output),
    )
    begun = begin(job)
    failed = None
    with kept_output(log):
        if snakemake.rule in EXPLAINING:
            dtype = snakemake.wildcards.get("dtype")
            failed = explain(stage, arguments(stage, snakemake), job, dtype)
        else:
            stage(**arguments(stage, snakemake))
    log.write_text(failed.log if failed else "", encoding="utf-8")
    end(job, begun, failed.receipt if failed else None)


def _fail(rule: str, log: Path, reason: str) -> NoReturn:
    logged = False
    with suppress(OSError):  # a full disk takes no log either
        log.write_text(reason.rstrip() + "\n", encoding="utf-8")
        logged = True
    if not logged or os.getenv(REPORTED_BY_RUN) not in (rule, "all"):
        tell(f"\n{reason.rstrip()}\n")
    raise SystemExit(1)


def _unwritable(error: OSError, output: str) -> str:
    reason = os.strerror(error.errno or 0)
    return (
        f"{error.filename or output}: cannot be written ({reason}); what was there before is kept. "
        "Correct that and run snakemake again."
    )


def arguments(stage: Callable[..., None], snakemake: Any) -> dict[str, Any]:
    """The stage's arguments, which are the rule's values by the parameters' names; files as paths.

    Raises
        KeyError: if the rule has no value for a parameter.
    """
    values: dict[str, Any] = dict(snakemake.wildcards.items())
    values |= dict(snakemake.params.items()) | dict(snakemake.resources.items())
    for files in (snakemake.input, snakemake.output):
        values |= {name: _paths(value) for name, value in files.items()}
    return {name: values[name] for name in inspect.signature(stage).parameters}


def _paths(value: Any) -> Path | list[Path]:
    return Path(value) if isinstance(value, str) else [Path(item) for item in value]
