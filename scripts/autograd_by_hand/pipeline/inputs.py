"""The input files and settings of the rules, as functions of a job's wildcards.

Snakemake calls these functions with the wildcards of a job, and so does `recipes`, which must know
every job as Snakemake will. Paths are relative to the project's root.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.config import load_configs
from autograd_by_hand.experiment.output_names import COTANGENT
from autograd_by_hand.experiment.settings import (
    CHUNK,
    Config,
    arithmetic_of,
    chunks,
    data_files,
    edition,
    gradient_names,
    judged,
    languages_of,
    shown_format,
)
from autograd_by_hand.experiment.sizes import Sizes, sizes_of
from autograd_by_hand.experiment.source_code import parameters_of
from autograd_by_hand.pipeline.cached_files import (
    CACHED_ONCE,
    CACHED_PER_DTYPE,
    CACHED_PER_JUDGED,
    COMPUTED,
)
from autograd_by_hand.pipeline.resources import memory_of_stage

Value = TypeVar("Value")
Wildcards = Any  # Snakemake's, or a SimpleNamespace: `experiment` and the rule's other wildcards
Of = Callable[[Wildcards], Value]

FOLDER, ARCHIVES = Path("experiments"), Path("archives")
AUTHORS_FILES = ("config.yaml", "forward.py", "backward.py")
AUTHORS_WORDS = ("derivation", "discussion")


@dataclass(frozen=True)
class Experiments:
    """The experiments of the project, and the inputs and settings of their jobs.

    configs: the checked configs, by name
    chunk_size: how many runs one job measures; overrides the configs
    broken: what is wrong with the experiments that cannot be run, by name; they have no jobs
    """

    configs: dict[str, Config]
    chunk_size: int | None = None
    broken: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, chunk_size: object = None) -> "Experiments":
        """Read and check the configs of all experiments, and parse the author's Python files.

        A folder is an experiment if it contains one of the author's files. `chunk_size` is checked
        here and not where it is first used: there, Snakemake would take an error for a file that no
        rule makes, and use an old one.

        Raises
            UserError: if `chunk_size` is not a positive integer.
        """
        if chunk_size is not None and (not isinstance(chunk_size, int) or chunk_size < 1):
            raise UserError(
                f"--config chunk={chunk_size}: must be a whole number of runs, 1 or more."
            )
        folders = sorted(
            {path.parent for name in AUTHORS_FILES for path in FOLDER.glob(f"*/{name}")}
        )
        configs, broken = load_configs(folders, FOLDER / "schema.yaml")
        return cls(configs, chunk_size, broken)

    @property
    def names(self) -> list[str]:
        """The names of all experiments that can be run, sorted."""
        return sorted(self.configs)

    def of_all(self, file: str) -> list[str]:
        """The paths of a file in every experiment's folder."""
        return [str(FOLDER / name / file) for name in self.names]

    def index(self) -> list[str]:
        """The page that lists all experiments; none if one of them cannot be run."""
        return [] if self.broken else [str(FOLDER / "index.html")]

    def config(self, wildcards: Wildcards) -> Config:
        """The checked config of the job's experiment."""
        return self.configs[wildcards.experiment]

    def setting(self, key: str, default: Any = None) -> Of[Any]:
        """One value of the experiment's config."""
        return lambda wildcards: self.config(wildcards).get(key, default)

    def settings_of_results(self, wildcards: Wildcards) -> Config:
        """The config without the size of chunks, which changes no result."""
        settings = self.config(wildcards).copy()
        settings.pop("chunk", None)
        return settings

    def memory_mb(self, rule: str) -> Of[int]:
        """Megabytes of memory that a job of a rule may need, for Snakemake's `mem_mb`.

        A rule without the wildcard `experiment` gets the largest value of all experiments.
        """

        def of(wildcards: Wildcards) -> int:
            own = getattr(wildcards, "experiment", None)
            configs = [self.configs[own]] if own else self.configs.values()
            return ceil(max((memory_of_stage(rule, one) for one in configs), default=0) / 1e6)

        return of

    def needed(self, wildcards: Wildcards) -> list[str]:
        """The tensors whose gradients are tried."""
        return list(gradient_names(self.config(wildcards)["tensors"]))

    def dtypes_of_made(self, wildcards: Wildcards) -> list[str]:
        """The dtypes under trial, if a tensor is made by code or read, and so may be complex.

        Draws do not depend on them: a dtype that is added draws nothing again.
        """
        config = self.config(wildcards)
        made = any("from" in one or "file" in one for one in config["tensors"].values())
        return config["dtypes"] if made else []

    def takes_cotangent(self, wildcards: Wildcards) -> bool:
        """Whether backward names the cotangent of its one output, so that it may be any number."""
        return COTANGENT in parameters_of(_folder(wildcards) / "backward.py", "backward")

    def gradients(self, wildcards: Wildcards) -> list[str]:
        """The names of their gradients."""
        return list(gradient_names(self.config(wildcards)["tensors"]).values())

    def judged(self, wildcards: Wildcards) -> list[str]:
        """The dtypes that a verdict needs: float64, and those of the config."""
        own = self.config(wildcards)
        return judged(own["dtypes"], own.get("computes_in"))

    def computed_in(self, wildcards: Wildcards) -> str:
        """The dtype that backward computes in when it is given tensors of the job's."""
        return arithmetic_of(wildcards.dtype, self.config(wildcards).get("computes_in"))

    def where_computed(self, file: str) -> Of[str]:
        """A file of work/{dtype}/, for the dtype that backward computes in when given the job's."""
        return lambda wildcards: str(_work(wildcards) / self.computed_in(wildcards) / file)

    def chunks(self, wildcards: Wildcards) -> list[tuple[str, int, int]]:
        """The runs that are not fully analysed: sample, first run, and one after the last."""
        own = self.config(wildcards)
        return chunks(own["samples"], self.chunk_size or own.get("chunk", CHUNK))

    def languages(self, wildcards: Wildcards) -> list[str]:
        """The languages of the experiment's report, the author's own first."""
        return languages_of(self.config(wildcards))

    def editions(self, wildcards: Wildcards) -> list[str]:
        """The part of the report's file names that stands for each of its languages."""
        return [edition(language) for language in self.languages(wildcards)]

    def language(self, wildcards: Wildcards) -> str:
        """The language of the job's edition."""
        return str(wildcards.edition).removeprefix(".") or "en"

    def catalogue(self, wildcards: Wildcards) -> list[str]:
        """The catalogue of translations of the job's edition; none if it is in English."""
        language = self.language(wildcards)
        return [] if language == "en" else [f"templates/locale/{language}.po"]

    def report(self, wildcards: Wildcards) -> str:
        """The report in the experiment's first language."""
        return str(_folder(wildcards) / f"REPORT{self.editions(wildcards)[0]}.md")

    def reports(self) -> dict[str, str]:
        """The report of every experiment in its first language, by the experiment's name."""
        return {name: self.report(SimpleNamespace(experiment=name)) for name in self.names}

    def folder(self, wildcards: Wildcards) -> str:
        """The experiment's folder."""
        return str(_folder(wildcards))

    def data(self, wildcards: Wildcards) -> list[str]:
        """The author's files that tensors are read from or made by."""
        return [str(_folder(wildcards) / name) for name in data_files(self.config(wildcards))]

    def surrogate(self, wildcards: Wildcards) -> list[str]:
        """The file that is differentiated in place of forward.py, if the config names one."""
        own = self.config(wildcards).get("surrogate")
        return [str(_folder(wildcards) / own)] if own else []

    def differentiated(self, wildcards: Wildcards) -> str:
        """The file whose function is differentiated: forward.py, or the surrogate."""
        return next(iter(self.surrogate(wildcards)), str(_folder(wildcards) / "forward.py"))

    def replaced(self, wildcards: Wildcards) -> list[str]:
        """forward.py, if the surrogate is differentiated in its place."""
        return [str(_folder(wildcards) / "forward.py")] if self.surrogate(wildcards) else []

    def written_by_author(self, wildcards: Wildcards) -> list[str]:
        """The author's files: those that every experiment has, texts if they exist, and data."""
        names = [
            *AUTHORS_FILES,
            *(
                f"{name}{one}.md"
                for name in AUTHORS_WORDS
                for one in dict.fromkeys(["", *self.editions(wildcards)])
            ),
        ]
        paths = [_folder(wildcards) / name for name in names]
        texts = [str(path) for path in paths if path.is_file()]
        return [*texts, *self.surrogate(wildcards), *self.data(wildcards)]

    def per_dtype(self, file: str) -> Of[list[str]]:
        """A file of work/{dtype}/, for every dtype of the experiment, in its order."""
        return lambda wildcards: [
            str(_work(wildcards) / dtype / file) for dtype in self.config(wildcards)["dtypes"]
        ]

    def per_judged(self, file: str) -> Of[list[str]]:
        """A file of work/{dtype}/, for float64 and every other dtype of the experiment."""
        return lambda wildcards: [
            str(_work(wildcards) / dtype / file) for dtype in self.judged(wildcards)
        ]

    def per_chunk(self, file: str, sample: str | None = None) -> Of[list[str]]:
        """A file of work/chunks/, for every chunk of runs of all samples, or of one."""
        return lambda wildcards: [
            str(_work(wildcards) / f"chunks/{name}.{first}-{last}{file}")
            for name, first, last in self.chunks(wildcards)
            if sample in (None, name)
        ]

    def shown(self, file: str) -> Of[str]:
        """A file of work/{dtype}/ for the dtype that the report shows in full."""
        return lambda wildcards: str(
            _work(wildcards) / shown_format(self.config(wildcards)["dtypes"]) / file
        )

    def pitfalls(self, wildcards: Wildcards) -> list[str]:
        """The file of the verdicts on the config's pitfalls, if it has any."""
        has = self.config(wildcards).get("pitfalls")
        return [str(_work(wildcards) / "pitfalls.json")] if has else []

    def sizes(self, wildcards: Wildcards) -> Sizes | None:
        """The other sizes in which the experiment is tried, if there are any."""
        return sizes_of(self.config(wildcards))

    def tried_sizes(self, wildcards: Wildcards) -> list[str]:
        """The file of the verdicts at other sizes, if any are tried."""
        return [str(_work(wildcards) / "sizes.json")] if self.sizes(wildcards) else []

    def cached(self, wildcards: Wildcards) -> list[str]:
        """The cached files that a reader of the report may want to see, inputs first."""
        return [
            *(str(_work(wildcards) / file) for file in CACHED_ONCE),
            *self.pitfalls(wildcards),
            *self.tried_sizes(wildcards),
            *(path for file in CACHED_PER_JUDGED for path in self.per_judged(file)(wildcards)),
            *(path for file in CACHED_PER_DTYPE for path in self.per_dtype(file)(wildcards)),
        ]

    def computed(self, wildcards: Wildcards) -> list[str]:
        """The files of tensors that can be computed from the inputs, in every dtype."""
        return [
            path for kind in COMPUTED for path in self.per_judged(f"{kind}.safetensors")(wildcards)
        ]

    def outputs(self, *rules: Any) -> Of[list[str]]:
        """The outputs of an experiment except its manifest: errors.csv, and those of some rules.

        rules: Snakemake's rules, whose outputs are listed in this order for every language
        """
        patterns = [str(path) for rule in rules for path in rule.output]
        return lambda wildcards: [
            str(_folder(wildcards) / "errors.csv"),
            *(
                pattern.format(experiment=wildcards.experiment, edition=one)
                for one in self.editions(wildcards)
                for pattern in patterns
            ),
        ]


def _folder(wildcards: Wildcards) -> Path:
    return FOLDER / str(wildcards.experiment)


def _work(wildcards: Wildcards) -> Path:
    return _folder(wildcards) / "work"
