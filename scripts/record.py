"""Copy the last run of every experiment to experiments/NAME/recorded/, which git keeps.

    make record

Git ignores the outputs of a run, since their last bits depend on the processor. The repository
shows the recorded results of one machine: the report in each of its languages, the pictures,
errors.csv and manifest.json, and experiments/recorded.md, which lists all experiments. Reports and
list name the processor and the versions in their first line. This command computes nothing, and it
records nothing unless every experiment has an up-to-date run.
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
from autograd_by_hand.core.messages import listed
from autograd_by_hand.experiment.settings import edition, languages_of
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.pipeline.run_lock import be_the_only_run
from autograd_by_hand.report.experiment_index import index_of, index_text
from autograd_by_hand.report.templates import render
from autograd_by_hand.storage.errors_table import read_csv
from autograd_by_hand.storage.manifest import Environment, Manifest

EXPERIMENTS = Path("experiments")


def record() -> list[str]:
    """Record every experiment of the project in this folder; return a line on each thing written.

    Raises
        UserError: if there is no experiment, if one has no up-to-date run or one with a missing
            part, or during a run.
    """
    folders = sorted(path.parent for path in EXPERIMENTS.glob("*/config.yaml"))
    if not folders:
        raise UserError(f"{EXPERIMENTS}: has no experiment; start one: make new NAME=my-gradient")
    be_the_only_run()
    if stale := _stale(folders):
        has = "has" if len(stale) == 1 else "have"
        raise UserError(
            f"{listed(map(str, stale))} {has} no up-to-date run; run make, then make record."
        )
    manifests = [read_json(folder / "manifest.json") for folder in folders]
    for folder, manifest in zip(folders, manifests, strict=True):
        if missing := manifest.get("missing"):
            raise UserError(
                f"{folder}: {missing[0]['stage']} {missing[0]['words']}. "
                "Only whole results are recorded."
            )
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
    """The experiments whose manifest, or a file that it depends on, Snakemake would make again."""
    manifests = [str(folder / "manifest.json") for folder in folders]
    command = [sys.executable, "-m", "snakemake", "--summary", *manifests]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        raise UserError(f"snakemake cannot list what is up to date: {run.stderr.strip()}")
    files = csv.DictReader(run.stdout.splitlines(), delimiter="\t")
    pending = [Path(file["output_file"]) for file in files if file["plan"] != "no update"]
    return [folder for folder in folders if any(file.is_relative_to(folder) for file in pending)]


def _record(folder: Path, manifest: Manifest) -> str:
    """Replace an experiment's recorded results by the last run's; return a line about them."""
    outputs = [Path(file["path"]) for file in manifest["files"]["output"]]
    kept = [path for path in outputs if path.suffix != ".html"] + [folder / "manifest.json"]
    reports = {
        folder / f"REPORT{edition(language)}.md": language
        for language in languages_of(manifest["config"])
    }
    with TemporaryDirectory(dir=folder, prefix=f".{RECORDED}-") as temporary:
        new = Path(temporary, RECORDED)
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
    """The first paragraph of a recorded text, which says on which machine it was made.

    own: the corresponding file of a reader's own run
    """
    values = {"environment": environment, "own": own.as_posix()}
    return render("recorded_note.md.j2", values, language=language)


def main() -> int:
    """Record all experiments and print what was written; return the exit status."""
    try:
        print(*record(), sep="\n")
    except UserError as error:
        print(f"make record: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
