"""An archived experiment as a verification reads it: what its config demands, and what it holds."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from autograd_by_hand.archive.reader import Archive
from autograd_by_hand.archive.schemas import read_checked
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from autograd_by_hand.experiment.settings import (
    Config,
    arithmetic_of,
    fully_analysed,
    gradient_names,
)
from autograd_by_hand.replay.repeated_gradients import (
    Arrays,
    Recorded,
    reference_in_float64,
    reference_in_longdouble,
    repeated,
)
from autograd_by_hand.storage.manifest import Manifest
from autograd_by_hand.storage.missing import missing_in
from autograd_by_hand.storage.safetensors_numpy import arrays_by_sample, by_sample

Array = NDArray[Any]
Samples = dict[str, Arrays]
KEPT = ("example", "trial")  # the samples whose gradients an archive holds
EXACT = "float64"


@dataclass
class Experiment:
    """An experiment of an archive or a folder, whose manifest has been read.

    What it holds is read when it is first asked for. Each reading raises a UserError or an OSError
    if a file is missing or damaged.
    """

    archive: Archive
    manifest: Manifest
    _recorded: dict[str, Recorded] = field(default_factory=dict)
    _again: dict[tuple[str, str], dict[str, Arrays | None]] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """The folder of its cached files."""
        return self.archive.folder / "work"

    @property
    def config(self) -> Config:
        """Its config, according to the manifest."""
        return cast("Config", self.manifest["config"])

    @cached_property
    def gradients(self) -> list[str]:
        """The names of the gradients that the config demands."""
        return [*gradient_names(self.config["tensors"]).values()]

    @property
    def dtypes(self) -> list[str]:
        """The dtypes that the config demands."""
        return self.config["dtypes"]

    def runs(self, sample: str) -> int:
        """How many runs of a sample are fully analysed."""
        return fully_analysed(self.config["samples"][sample])

    def computes_in(self, dtype: str) -> str:
        """The dtype that backward computes in when it is given `dtype`."""
        return arithmetic_of(dtype, self.config.get("computes_in"))

    @cached_property
    def inputs(self) -> Samples:
        """The tensors and cotangents, by sample and name, (runs, *shape)."""
        return arrays_by_sample(
            self._file("draws.safetensors"), self._file("cotangents.safetensors")
        )

    def recorded(self, dtype: str) -> Recorded:
        """The recorded programs of a dtype, and the orders of their sums."""
        if dtype not in self._recorded:
            self._recorded[dtype] = Recorded(
                dtype,
                read_checked(self._file(f"{dtype}/operations.json"), "operations"),
                read_checked(self._file(f"{dtype}/orders.json"), "orders")["sums"],
                arrays_by_sample(self._file(f"{dtype}/recorded.safetensors")),
            )
        return self._recorded[dtype]

    def archived(self, dtype: str) -> dict[str, Samples]:
        """The archived gradients and results of a dtype, by way, sample and name.

        An archive holds those of the samples that are judged or shown; a folder holds all.
        """
        kept = self.work / dtype / "gradients.safetensors"
        if not kept.is_file():
            return {
                way: arrays_by_sample(self._file(f"{dtype}/{way}.safetensors"))
                for way in ("autograd", "manual")
            }
        ways = {way: by_sample(arrays) for way, arrays in arrays_by_sample(kept).items()}
        manual = ways.setdefault("manual", {})
        for key in self._json(f"{dtype}/same.json"):
            sample, name = key.split("/", 1)
            if name in manual.get(sample, {}):
                raise UserError(f"same.json: {key} is archived twice")
            manual.setdefault(sample, {})[name] = ways["autograd"][sample][name]
        return ways

    def refused(self, dtype: str) -> dict[str, str]:
        """Why there is no manual gradient, by tensor."""
        found: dict[str, str] = self._json(f"{dtype}/calls.json")["refused"]
        return found

    def noise(self, dtype: str) -> Arrays:
        """The rounding noise of the trial's gradients, by "trial/<gradient>"."""
        noise = arrays_by_sample(self._file(f"{dtype}/noise.safetensors"))
        return {
            f"{sample}/{name}": one for sample, own in noise.items() for name, one in own.items()
        }

    def json(self, path: str) -> Any:
        """The content of a JSON file of work/."""
        return self._json(path)

    def again(self, dtype: str, way: str) -> dict[str, Arrays | None]:
        """The gradients and results of a dtype, computed again in one way, by sample.

        way: manual, autograd, reordered or reference
        returns: None in place of a sample for which too little is recorded
        """
        if (dtype, way) not in self._again:
            self._again[dtype, way] = {
                sample: self._repeated(dtype, way, sample, inputs)
                for sample, inputs in self.inputs.items()
            }
        return self._again[dtype, way]

    def known(self, dtype: str, way: str, sample: str) -> Arrays | None:
        """The gradients and results of a sample in one way: as archived, or else computed again.

        returns: None if they are neither archived nor computed in every run
        """
        if kept := self.archived(dtype).get(way, {}).get(sample):
            return kept
        again = self.again(dtype, way)[sample]
        whole = again is not None and all(
            name in again and len(again[name]) == self.runs(sample) for name in self.gradients
        )
        return again if whole else None

    def is_missing(self, path: str) -> bool:
        """Whether a file of work/ stands in for a part that could not be computed."""
        return missing_in(self.work / path) is not None

    def _repeated(self, dtype: str, way: str, sample: str, inputs: Arrays) -> Arrays | None:
        if way == "reordered" and any(self.recorded(dtype).behind(way).values()):
            return None  # what was recorded follows on torch's sums
        if way != "reference":
            results = self.archived(dtype).get("autograd" if way == "autograd" else "manual", {})
            return repeated(self.recorded(dtype), way, sample, inputs, results.get(sample, {}))
        if dtype == EXACT:
            return reference_in_longdouble(self.recorded(dtype), sample, inputs)
        if EXACT not in self.dtypes:
            return None
        return reference_in_float64(self.recorded(EXACT), dtype, sample, inputs)

    def _json(self, path: str) -> Any:
        return read_json(self._file(path))

    def _file(self, path: str) -> Path:
        file = self.work / path
        if missing := missing_in(file):
            raise UserError(f"work/{path} {missing.words}")
        if not file.is_file():
            raise UserError(f"work/{path} is missing")
        return file
