"""Run a stage's function for Snakemake: bind its arguments by name, keep a log, tell mistakes.

A stage is a function whose parameters carry the names of its rule's inputs, outputs, params,
resources and wildcards. It never sees Snakemake, so that a test calls it like any other function.
"""

import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.lib.refusal import Refusal


def run_stage(stage: Callable[..., None], snakemake: Any) -> None:
    """Call `stage` with the rule's values; on failure leave the reason in the log and exit with 1.

    A `Refusal` is shown as its one sentence. Anything else is a defect of ours and keeps its
    traceback.
    """
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        stage(**_arguments(stage, snakemake))
    except Refusal as refusal:
        _fail(log, str(refusal))
    except Exception:  # noqa: BLE001 - the log keeps it and the stage fails
        _fail(log, traceback.format_exc())
    log.write_text("", encoding="utf-8")


def _fail(log: Path, reason: str) -> None:
    log.write_text(reason.rstrip() + "\n", encoding="utf-8")
    print(f"\n{reason.rstrip()}\n", file=sys.stderr, flush=True)
    raise SystemExit(1)


def _arguments(stage: Callable[..., None], snakemake: Any) -> dict[str, Any]:
    """The values of the rule, by the names of the stage's parameters; files as paths."""
    values: dict[str, Any] = dict(snakemake.wildcards.items())
    values |= dict(snakemake.params.items()) | dict(snakemake.resources.items())
    for files in (snakemake.input, snakemake.output):
        values |= {name: _paths(value) for name, value in files.items()}
    return {name: values[name] for name in inspect.signature(stage).parameters}


def _paths(value: Any) -> Path | list[Path]:
    return Path(value) if isinstance(value, str) else [Path(item) for item in value]
