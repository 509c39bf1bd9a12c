"""One sample of an entry, through every stage of the pipeline, by the stages' own functions."""

import inspect
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict, get_origin

import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from autograd_by_hand.experiment.complex_views import handed
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.storage.safetensors_torch import read_given, read_runs, write_tensors
from tests.bench.op_db.entries import WRONG, Sample

SEED = 1
LIMIT = 20.0  # seconds for one call of forward or backward
SAME = 1e-10  # of the norm, in float64: a change below it is no mistake
ONCE = ("dump_graph", "prove_reference", "check_forward", "check_backward", "ask_gradcheck")
# By stage: what its rule calls the files that the stage calls otherwise, or those of other stages.
IN_EACH_DTYPE = {
    "run_autograd": {"gradients": "autograd"},
    "compute_manual": {"gradients": "manual"},
    "compute_reference": {"gradients": "reference"},
    "measure_noise": {},
    "reorder_sums": {"gradients": "reordered"},
    "score_errors": {"peer": "autograd"},
    "observe_operations": {},
    "reveal_orders": {},
    "verify_replay": {},
    "attribute_difference": {},
}
NEEDS = {  # by stage: those without which it cannot run
    "score_errors": (
        "run_autograd",
        "compute_manual",
        "compute_reference",
        "measure_noise",
        "reorder_sums",
    ),
    "compute_manual": ("run_autograd",),
    "compute_reference": ("run_autograd",),
    "measure_noise": ("run_autograd",),
    "reorder_sums": ("run_autograd",),
    "observe_operations": ("run_autograd",),
    "reveal_orders": ("observe_operations",),
    "verify_replay": ("reveal_orders",),
    "attribute_difference": ("reveal_orders", "compute_manual"),
}
REFUSES = {"attribute_difference": "attribution", "ask_gradcheck": "opinion"}  # in a file
STAGES = ("draw_cotangents", *ONCE, *IN_EACH_DTYPE, "judge_gradients", "try_pitfalls")
TENSORS = (
    "draws",
    "states",
    "cotangents",
    "manual",
    "autograd",
    "reference",
    "reordered",
    "noise",
    "recorded",
)


class Outcome(TypedDict):
    """How a stage ended: "done", "refused" with a sentence, "crashed" with the end of a traceback.

    dtype: empty for a stage that runs once
    seconds: of processor time
    """

    stage: str
    dtype: str
    how: str
    text: str
    seconds: float


class Record(TypedDict):
    """What came of a sample.

    seconds: of processor time, for all stages
    verdicts: by change, dtype and gradient; of a wrong gradient, only where the change is a mistake
    """

    entry: str
    sample: int
    skipped: str | None
    seconds: float
    outcomes: list[Outcome]
    verdicts: dict[str, dict[str, dict[str, str]]]
    reasons: list[str]


Announce = Callable[[str, str], None]


class Trial:
    """The stages' files of one sample, in a folder.

    announce: is called with stage and dtype before each stage, in case the process dies in it
    """

    def __init__(
        self, folder: Path, sample: Sample, dtypes: list[str], environment: Path, announce: Announce
    ) -> None:
        self.folder, self.sample, self.dtypes, self.announce = folder, sample, dtypes, announce
        self.environment = environment
        self.needed = sample.needed
        self.outcomes: list[Outcome] = []

    def run(self) -> Record:
        """Run every stage that can run, and return what came of it."""
        began = _processor_time()
        objection = self.sample.objection()
        record: Record = {
            "entry": self.sample.entry,
            "sample": self.sample.number,
            "skipped": objection,
            "seconds": 0.0,
            "outcomes": self.outcomes,
            "verdicts": {},
            "reasons": [],
        }
        if objection is None:
            record["skipped"] = self._write_inputs()
        if record["skipped"] is None:
            self._stage("draw_cotangents")
        if self._done("draw_cotangents"):
            for stage in ONCE:
                self._stage(stage)
            judged = [dtype for dtype in self.dtypes if self._in(dtype)]
            if "float64" in judged and self._done("check_forward") and self._done("dump_graph"):
                self._judge(judged, record)
        record["seconds"] = round(_processor_time() - began, 3)
        return record

    def _done(self, stage: str, dtype: str = "") -> bool:
        return any(
            (one["stage"], one["dtype"], one["how"]) == (stage, dtype, "done")
            for one in self.outcomes
        )

    def _write_inputs(self) -> str | None:
        """Write the author's files, the draws and the cotangents; return why there are none."""
        tensors = self.sample.tensors
        leaves = {
            name: one.clone().requires_grad_(name in self.needed) for name, one in tensors.items()
        }
        try:
            outputs = self.sample.outputs(leaves)
        except UserError:
            return "a result that cannot be differentiated"
        found = torch.autograd.grad(
            [*outputs.values()],
            [leaves[name] for name in self.needed],
            [torch.ones_like(one) for one in outputs.values()],
            allow_unused=True,
        )
        self.needed = [
            name for name, one in zip(self.needed, found, strict=True) if one is not None
        ]
        if not self.needed:
            return "a result that depends on no input"
        forward, backward = self.sample.sources(self.needed, [*outputs])
        (self.folder / "forward.py").write_text(forward)
        (self.folder / "backward.py").write_text(backward)
        draws = {f"trial/{name}": one.unsqueeze(0) for name, one in tensors.items()}
        write_tensors(self.folder / "draws.safetensors", draws)
        state = torch.Generator().manual_seed(SEED).get_state()
        write_tensors(self.folder / "states.safetensors", {"trial/state": state})
        return None

    def _in(self, dtype: str) -> bool:
        """Run the stages in one dtype, and return whether its gradients can be judged."""
        (self.folder / dtype).mkdir()
        for stage, files in IN_EACH_DTYPE.items():
            if all(self._done(needed, dtype) for needed in NEEDS.get(stage, ())):
                self._stage(stage, dtype, files)
        return self._done("score_errors", dtype)

    def _judge(self, dtypes: list[str], record: Record) -> None:
        attributed = [one for one in dtypes if self._path("attribution", one).exists()]
        (self.folder / "mistakes.json").write_text(
            "{" + ", ".join(f'"d{name}": null' for name in self.needed) + "}"
        )
        files = {
            "facts": self._each(dtypes, "facts"),
            "calls": self._each(dtypes, "calls"),
            "handed_over": self._each(dtypes, "handed_over"),
            "attributions": self._each(attributed, "attribution"),
            "formula": self.folder / "float64/facts.json",
            "errors": self.folder / "float64/errors.csv",
            "dtypes": dtypes,
        }
        if attributed != dtypes:
            files["attributions"] = self._each(["float64"] * len(dtypes), "facts")  # not read
        self._stage("judge_gradients", files=files)
        if not self._done("judge_gradients"):
            return
        verdicts = read_json(self.folder / "judgement.json")["verdicts"]
        record["verdicts"]["nothing"] = _by_dtype(verdicts)
        record["reasons"] = sorted({one["reason"] for one in verdicts if one["outcome"] != "right"})
        for change in WRONG:
            live = self._live(change)
            if not live:
                continue
            one = {"mistake": change, "replace": '"nothing"', "by": f'"{change}"'}
            kinds = ("autograd", "reference", "noise", "arithmetic")
            files = {kind: self._each(dtypes, kind) for kind in kinds}
            self._stage("try_pitfalls", files=files | {"pitfalls": [one], "dtypes": dtypes})
            if self.outcomes[-1]["how"] == "done":
                (row,) = read_json(self.folder / "tried.json")
                found = _by_dtype(row["verdicts"])
                record["verdicts"][change] = {
                    dtype: {name: how for name, how in by_name.items() if name in live}
                    for dtype, by_name in found.items()
                }

    def _live(self, change: str) -> list[str]:
        """The gradients that a change makes wrong."""
        draws, cotangents = self._path("draws", ""), self._path("cotangents", "")
        run, given = read_runs(draws, cotangents)[0], read_given(draws, cotangents)
        wide, douts = (
            handed({name: cast(value, torch.float64) for name, value in own.items()}, given)
            for own in (run.tensors, run.douts)
        )
        right, wrong = (
            self.sample.gradients(wide, douts, self.needed, each) for each in ("nothing", change)
        )
        return [
            f"d{name}"
            for name, value in right.items()
            if not (wrong[name] - value).norm() <= SAME * value.norm()
        ]

    def _each(self, dtypes: list[str], name: str) -> list[Path]:
        return [self._path(name, dtype) for dtype in dtypes]

    def _path(self, name: str, dtype: str) -> Path:
        end = {"errors": "csv", **dict.fromkeys(TENSORS, "safetensors")}.get(name, "json")
        return self.folder / dtype / f"{name}.{end}"

    def _stage(self, stage: str, dtype: str = "", files: dict[str, Any] | None = None) -> None:
        """Call a stage's function with its rule's files by name."""
        function = getattr(import_module(stage), stage)
        known: dict[str, Any] = {
            "dtype": dtype,
            "computed_in": dtype,
            "computes_in": None,
            "needed": self.needed,
            "time_limit": LIMIT,
            "forward": self.folder / "forward.py",
            "backward": self.folder / "backward.py",
            "draws": self._path("draws", ""),
            "cotangents": self._path("cotangents", ""),
            "checked": self.folder / "checked.txt",
            "proof": self._path("proof", ""),
            "environment": self.environment,
            "code": "",
            "autograd": "allowed",  # of judge_gradients; the backward asks autograd
        }
        own = {key: one for key, one in (files or {}).items() if not isinstance(one, str)}
        renamed = {key: one for key, one in (files or {}).items() if isinstance(one, str)}
        if dtype or "autograd" in own:
            del known["autograd"]
        given = {
            name: own[name]
            if name in own
            else known[name]
            if name in known
            else []  # of what no author declared
            if get_origin(parameter.annotation) is list
            else self._path(renamed.get(name, name), dtype)
            for name, parameter in inspect.signature(function).parameters.items()
        }
        with self._watched(stage, dtype):
            function(**given)
        if stage in REFUSES and self._done(stage, dtype):
            reason = read_json(given[REFUSES[stage]])["refused"]
            if reason:
                self.outcomes[-1] |= {"how": "refused", "text": str(reason)}

    @contextmanager
    def _watched(self, stage: str, dtype: str) -> Iterator[list[Outcome]]:
        """Record how a stage ends."""
        self.announce(stage, dtype)
        began, how, text = _processor_time(), "done", ""
        try:
            yield self.outcomes
        except UserError as error:
            how, text = "refused", error.sentence
        except Exception as error:  # noqa: BLE001 - the crashes are what is counted
            frames = traceback.extract_tb(error.__traceback__)
            own = [one for one in frames if "/scripts/" in one.filename] or frames
            ends = [f"{Path(one.filename).name}:{one.name}" for one in (own[-1], frames[-1])]
            what = " ".join(str(error).split())
            how, text = "crashed", f"{type(error).__name__} {' .. '.join(ends)}: {what[:300]}"
        seconds = round(_processor_time() - began, 3)
        self.outcomes.append(
            {"stage": stage, "dtype": dtype, "how": how, "text": text, "seconds": seconds}
        )


def _processor_time() -> float:
    """The seconds that this process and its children have computed, however busy the machine is."""
    return sum(os.times()[:4])


def _by_dtype(verdicts: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for one in verdicts:
        found.setdefault(one["dtype"], {})[one["gradient"]] = one["outcome"]
    return found
