"""The judgement, the pictures and the report must be what the pipeline makes of the cached files.

The stages are those of this project, not of the archive; they run on a copy of the experiment's
files, and none of them executes the author's code.
"""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from autograd_by_hand.archive.limits import out_of_memory
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import listed
from autograd_by_hand.experiment.settings import edition, languages_of, shown_format
from autograd_by_hand.replay.repeated_gradients import Arrays  # noqa: TC001 - of a local
from autograd_by_hand.storage.safetensors_numpy import write_arrays
from autograd_by_hand.verification.experiment import Experiment
from autograd_by_hand.verification.finding import Finding, broken, met, trusted

PROJECT = Path(__file__).resolve().parents[3]
PARTS = ("Snakefile", "scripts", "templates", "envs")  # of the project, which the rules read
PACKAGES = ("snakemake", "pandas", "jinja2", "yaml", "jsonschema")
ONCE = ("judge_gradients",)
PICTURES = "draw_figures"
PER_LANGUAGE = (PICTURES, "render_report", "render_page")


def check_rendering(experiment: Experiment) -> Iterator[Finding]:
    """Run the stages that judge, draw and write again, and compare their outputs by bytes."""
    absent = [name for name in PACKAGES if find_spec(name) is None]
    if absent:
        yield trusted("report", f"not rendered again, since {listed(absent)} cannot be imported")
        return
    lacking = [name for name in PARTS if not (PROJECT / name).exists()]
    if lacking:
        yield trusted(
            "report", f"not rendered again, since this copy of the pipeline has no {lacking[0]}"
        )
        return
    with TemporaryDirectory(prefix="rendered-") as folder:
        try:
            yield from _rendered(experiment, Path(folder))
        except UserError as error:
            yield broken("report", f"cannot be rendered again: {error}")
        except MemoryError:
            yield broken("report", f"cannot be rendered again: {out_of_memory()}")
        except Exception as error:  # noqa: BLE001 - whatever forged files provoke
            yield broken("report", f"cannot be rendered again ({type(error).__name__}: {error})")


def _rendered(experiment: Experiment, root: Path) -> Iterator[Finding]:
    from autograd_by_hand.pipeline.in_process import Pipeline

    name, own = experiment.archive.name, root / "experiments" / experiment.archive.name
    _copy(experiment, root)
    pipeline = Pipeline(root)
    read = pipeline.experiments
    if name in read.broken:
        raise UserError(read.broken[name])
    settings = {key: value for key, value in read.configs[name].items() if key != "chunk"}
    if settings != experiment.config:
        yield broken("config", "config.yaml: says something else than the manifest's config")
        return
    yield met("config", "config.yaml: is the config that the manifest has")
    stages = [*PER_LANGUAGE]
    if not _bring_tensors(experiment, own):
        yield trusted(
            "report", "the pictures were not drawn again, as the tensors are not all known"
        )
        stages = [stage for stage in stages if stage != PICTURES]
    languages = languages_of(experiment.config)
    jobs = [(rule, "") for rule in ONCE]
    jobs += [(rule, edition(language)) for language in languages for rule in stages]
    same: list[str] = []
    for rule, of in jobs:
        found = _outputs(pipeline.output(rule, experiment=name, edition=of), root)
        pipeline.run(rule, experiment=name, edition=of)
        for path, before in found.items():
            shown = str(path.relative_to(own))
            if before is None or path.read_bytes() != before:
                yield broken("report", f"{shown}: is not what {rule} makes of the cached files")
                return
            same.append(shown)
    texts = [path for path in same if not path.startswith("figures/")]
    pictures = f" and {len(same) - len(texts)} pictures" if len(same) > len(texts) else ""
    yield met("report", f"{', '.join(texts)}{pictures} are what the cached files give")


def _bring_tensors(experiment: Experiment, own: Path) -> bool:
    """Write the tensors that are drawn, computed again if need be; say whether all are known."""
    dtype = shown_format(experiment.dtypes)
    for way in ("manual", "reference"):
        path = own / "work" / dtype / f"{way}.safetensors"
        if path.exists():
            continue
        arrays: Arrays = {}
        for sample in experiment.inputs:
            found = experiment.known(dtype, way, sample)
            if found is None:
                return False
            arrays |= {f"{sample}/{name}": values for name, values in found.items()}
        write_arrays(path, arrays)
    return True


def _outputs(paths: list[Path], root: Path) -> dict[Path, bytes | None]:
    whole = [root / path for path in paths]
    return {path: path.read_bytes() if path.is_file() else None for path in whole}


def _copy(experiment: Experiment, root: Path) -> None:
    """Copy the files that the experiment lists, and link this project's own."""
    for part in PARTS:
        (root / part).symlink_to(PROJECT / part)
    (root / "experiments").mkdir()
    (root / "experiments/schema.yaml").symlink_to(PROJECT / "experiments/schema.yaml")
    prefix = f"experiments/{experiment.archive.name}/"
    for path in experiment.archive.hashes:
        source = experiment.archive.root / path
        if path.startswith(prefix) and source.is_file():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
