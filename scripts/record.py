"""Copy the last run of every experiment to experiments/NAME/recorded/, which git keeps.

    make record

Git ignores what a run makes, since the last bits are the processor's. What a reader of the
repository sees is a recorded run: the report in each of its languages, the pictures, errors.csv and
manifest.json, and experiments/recorded.md, which lists all of them. A report and the list say in
their first line on which processor and with which versions they were made. Nothing is computed; an
experiment without an up-to-date run is refused, and then nothing is recorded.
"""

import csv
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from autograd_by_hand.archive.reader import RECORDED
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.experiment.settings import edition, languages_of
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.pipeline.run_lock import be_the_only_run
from autograd_by_hand.report.experiment_index import index_of, index_text
from autograd_by_hand.report.templates import listed, render
from autograd_by_hand.storage.errors_table import read_csv
from autograd_by_hand.storage.manifest import Environment, Manifest

EXPERIMENTS = Path("experiments")


def record() -> list[str]:
    """Record every experiment of the project in this folder; returns what was written, in lines.

    Raises
        UserError: if there is no experiment, one has no up-to-date run, or a run is at work.
    """
    folders = sorted(path.parent for path in EXPERIMENTS.glob("*/config.yaml"))
    if not folders:
        raise UserError(f"{EXPERIMENTS}: has no experiment; make new NAME=my-gradient begins one.")
    be_the_only_run()
    if stale := _stale(folders):
        has = "has" if len(stale) == 1 else "have"
        raise UserError(
            f"{listed(map(str, stale))} {has} no up-to-date run; run make, then make record."
        )
    manifests = [read_json(folder / "manifest.json") for folder in folders]
    written = [
        _record(folder, manifest) for folder, manifest in zip(folders, manifests, strict=True)
    ]
    errors = [read_csv(folder / "errors.csv") for folder in folders]
    experiments = list(zip(manifests, errors, strict=True))
    text = index_text(index_of(experiments, list(FORMATS)), folder=f"{RECORDED}/")
    note = _note(manifests[0]["environment"], EXPERIMENTS / "README.md", "en")
    write_text(EXPERIMENTS / "recorded.md", note + text)
    return [*written, f"{EXPERIMENTS / 'recorded.md'}: lists {len(folders)} experiments"]


def _stale(folders: list[Path]) -> list[Path]:
    """The experiments of which Snakemake would make something anew, up to the manifest."""
    manifests = [str(folder / "manifest.json") for folder in folders]
    command = [sys.executable, "-m", "snakemake", "--summary", *manifests]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        raise UserError(f"snakemake cannot tell what is up to date: {run.stderr.strip()}")
    files = csv.DictReader(run.stdout.splitlines(), delimiter="\t")
    pending = [Path(file["output_file"]) for file in files if file["plan"] != "no update"]
    return [folder for folder in folders if any(file.is_relative_to(folder) for file in pending)]


def _record(folder: Path, manifest: Manifest) -> str:
    """Put a run's files in place of those that were recorded; says what was written, in a line."""
    outputs = [Path(file["path"]) for file in manifest["files"]["output"]]
    kept = [path for path in outputs if path.suffix != ".html"] + [folder / "manifest.json"]
    reports = {
        folder / f"REPORT{edition(language)}.md": language
        for language in languages_of(manifest["config"])
    }
    with TemporaryDirectory(dir=folder, prefix=f".{RECORDED}-") as place:
        new = Path(place, RECORDED)
        for path in kept:
            copy = new / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path in reports:
                note = _note(manifest["environment"], path, reports[path])
                write_text(copy, note + path.read_text(encoding="utf-8"))
            else:
                shutil.copyfile(path, copy)
        size = sum((new / path.relative_to(folder)).stat().st_size for path in kept)
        shutil.rmtree(folder / RECORDED, ignore_errors=True)
        new.rename(folder / RECORDED)
    return f"{folder / RECORDED}: {len(kept)} files, {size / 1e6:.1f} MB"


def _note(environment: Environment, own: Path, language: str) -> str:
    """Where a recorded run was made, as the first paragraph of a text.

    own: the file that a reader's own run writes in place of this one
    """
    values = {"environment": environment, "own": own.as_posix()}
    return render("recorded_note.md.j2", values, language=language)


def main() -> int:
    """Record, and tell; the exit status."""
    try:
        print(*record(), sep="\n")
    except UserError as error:
        print(f"make record: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
