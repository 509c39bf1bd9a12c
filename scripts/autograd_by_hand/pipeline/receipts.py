"""Decide by SHA-256, not by dates, whether a job must be run again.

Snakemake decides by dates and by its records of earlier runs. It does not notice an output that was
damaged or edited, a source that changed but kept its date, or a package that was upgraded, and
without its records it notices even less. So every job has two small files:

- the recipe lists what the job is to be made of: parameters, code, packages, input files. It is one
  of the job's inputs and is rewritten only if its content changes, so Snakemake runs the job again
  for such a change and for nothing less. A rewritten recipe has a new token, since Snakemake keeps
  checksums for longer than recipes exist and must never see an old one again.
- the receipt lists what the job was made of and what it made. If an input or output differs from
  the receipt, the job is invalid, and its recipe is rewritten.

A file with the size, dates and inode that the receipt lists is not hashed again.

The receipt of an explaining stage that failed, and left outputs that say so, holds until any of the
project's code changes: the defect may be anywhere.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NotRequired, TypedDict

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import (
    Stamp,
    clear_away_torn,
    read_json,
    sha256,
    stamp_of,
    write_json,
)

# The name of an input that a job only waits for; it is no part of what the job is made of.
ORDER_ONLY = "after"
Ingredients = dict[str, object]  # what a job is to be made of besides its input files, plain JSON


@dataclass(frozen=True)
class Job:
    """A job's rule and files; the paths are relative to the project's root."""

    rule: str
    log: str
    inputs: list[str]
    outputs: list[str]

    @property
    def receipt(self) -> Path:
        """The receipt's path: beside the folder of logs, named as the log."""
        return self._kept("receipts")

    @property
    def recipe(self) -> Path:
        """The recipe's path: beside the folder of logs, named as the log."""
        return self._kept("recipes")

    def _kept(self, folder: str) -> Path:
        log = Path(self.log)
        return log.parent.parent / folder / f"{log.stem}.json"


class MadeFile(TypedDict):
    """An output as its job left it: its hash, and its size, dates and inode."""

    sha256: str
    stamp: Stamp


class Receipt(TypedDict):
    """What a job was made of and what it made.

    inputs: hashes by path, null where there was no file
    missing: only if the outputs say that they are missing: the hash of all code then, or "" if the
        next run is to try again whatever has changed
    """

    rule: str
    inputs: dict[str, str | None]
    outputs: dict[str, MadeFile]
    missing: NotRequired[str]


class Begun(TypedDict):
    """What a job is made of; with the stamps of its inputs, so that a change is seen."""

    rule: str
    inputs: dict[str, str | None]
    stamps: dict[str, Stamp]


class Files:
    """Hashes of files; a file that is unchanged since its receipt is not read."""

    def __init__(self, receipts: Iterable[Path]) -> None:
        self.receipts = {path: read for path in receipts if (read := _read(path))}
        self._made = {
            path: (receipt["rule"], made["sha256"], made["stamp"])
            for receipt in self.receipts.values()
            for path, made in receipt["outputs"].items()
        }
        self._hashes: dict[str, str | None] = {}

    def hash_of(self, path: str) -> str | None:
        """SHA-256 of a file, or None if it does not exist."""
        if path not in self._hashes:
            self._hashes[path] = self._hash(path)
        return self._hashes[path]

    def _hash(self, path: str) -> str | None:
        if not Path(path).is_file():
            return None
        _, known, stamp = self._made.get(path, (None, "", None))
        return known if stamp == stamp_of(Path(path)) else sha256(Path(path))

    def check(self, path: str) -> None:
        """Check an input against the receipt of the job that made it.

        Raises
            UserError: if the input is not what that job wrote.
        """
        rule, made, _ = self._made.get(path, (None, None, None))
        if rule and made != self.hash_of(path):
            raise UserError(
                f"{path}: is not what {rule} wrote; run snakemake again to make it anew."
            )


def begin(job: Job) -> Begun:
    """Remove a job's old receipt and return the first half of a new one: what it is made of.

    Raises
        UserError: if an input is not what its own job wrote.
    """
    files = Files(job.receipt.parent.glob("*.json"))
    for path in job.inputs:
        files.check(path)
    job.receipt.unlink(missing_ok=True)
    for written in [job.receipt, *map(Path, job.outputs)]:
        clear_away_torn(written)
    return {
        "rule": job.rule,
        "inputs": {path: files.hash_of(path) for path in sorted(set(job.inputs))},
        "stamps": {path: stamp_of(Path(path)) for path in job.inputs},
    }


def end(job: Job, begun: Begun, missing: str | None = None) -> None:
    """Write a job's receipt, once all its outputs are written.

    missing: as in `Receipt`

    Raises
        UserError: if an input was changed while the job ran.
    """
    for path, stamp in begun["stamps"].items():
        if stamp != stamp_of(Path(path)) and begun["inputs"][path] != sha256(Path(path)):
            raise UserError(f"{path}: was changed while {job.rule} ran; run snakemake again.")
    made: dict[str, MadeFile] = {
        path: {"sha256": sha256(Path(path)), "stamp": stamp_of(Path(path))} for path in job.outputs
    }
    receipt: Receipt = {"rule": begun["rule"], "inputs": begun["inputs"], "outputs": made}
    if missing is not None:
        receipt["missing"] = missing
    write_json(job.receipt, receipt)


@cache
def all_code() -> str:
    """SHA-256 of all source files in scripts/."""
    digest = hashlib.sha256()
    for path in sorted(Path("scripts").rglob("*.py")):
        digest.update(f"{path}\0{sha256(path)}\0".encode())
    return digest.hexdigest()


def renew_recipes(jobs: list[tuple[Job, Ingredients]]) -> list[str]:
    """Rewrite the recipe of every job whose recipe has changed or whose receipt is not valid.

    jobs: each with its ingredients besides its input files, which are plain JSON
    returns: a sentence for each output that was damaged since its job wrote it

    Raises
        UserError: if a recipe cannot be written.
    """
    files = Files(job.receipt for job, _ in jobs)
    return [sentence for job, ingredients in jobs for sentence in _renew(job, ingredients, files)]


def _renew(job: Job, ingredients: Ingredients, files: Files) -> list[str]:
    new = json.dumps(ingredients | {"inputs": job.inputs}, indent=1, ensure_ascii=False)
    old = _content(job.recipe)
    receipt = files.receipts.get(job.receipt)
    made, made_of = (receipt["outputs"], receipt["inputs"]) if receipt else ({}, {})
    present = [path for path in job.outputs if Path(path).exists()]
    damaged = [path for path in made if files.hash_of(path) != made[path]["sha256"]]
    changed = [path for path in made_of if files.hash_of(path) != made_of[path]]
    missing = receipt.get("missing") if receipt else None
    is_final = missing is None or missing == all_code()
    is_valid = made and old == new and is_final and not damaged and not changed
    ran = made or present
    if old != new or (ran and not is_valid and str(job.recipe) not in changed):
        _write_recipe(job.recipe, new)
    if not is_valid:
        _older_than(job.recipe, present)
    return [
        f"{path}: {'was damaged or edited' if path in present else 'is missing'}; it is made again."
        for path in damaged
    ]


def _content(path: Path) -> str:
    """What a job is to be made of, from its recipe; empty if that is missing or damaged."""
    try:
        return json.dumps(read_json(path)["of"], indent=1, ensure_ascii=False)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def _write_recipe(path: Path, content: str) -> None:
    """Write a recipe without fsync, since one that is lost or incomplete is just rewritten."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        token = secrets.token_hex(16)
        path.write_text(f'{{"token": "{token}", "of": {content}}}\n', encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); "
            "make sure that the experiment's folder is writable and the disk has room."
        ) from error


def _older_than(recipe: Path, outputs: list[str]) -> None:
    """Make the outputs older than the recipe, so that Snakemake runs the job again."""
    written = recipe.stat().st_mtime_ns
    for path in outputs:
        if Path(path).stat().st_mtime_ns >= written:
            os.utime(path, ns=(written - 10**9, written - 10**9))


def _read(path: Path) -> Receipt | None:
    """A receipt, or None if there is none or it is damaged."""
    try:
        receipt: Receipt = read_json(path)
        whole = {"rule", "inputs", "outputs"} <= receipt.keys()
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return receipt if whole else None
