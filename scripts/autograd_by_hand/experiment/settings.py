"""The types of a checked config, and what follows from its settings."""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

# How many runs of a sample are fully analysed: judged, replayed, attributed. Of all others only the
# errors are measured, chunk by chunk, and no tensor is kept.
FULLY_ANALYSED = 100
CHUNK = 500  # runs that one job measures, unless the config sets it
# How many runs at most are replayed to attribute their difference: shares are averages over them,
# and each run costs many replays.
TRACED = 5


BY_PRECISION = ("float64", "float32", "float16", "bfloat16")  # the finest first
# A value that is no tensor, as YAML reads it.
Argument = bool | int | float | str | None | list["Argument"] | dict[str, "Argument"]


HALF = {"bfloat16", "float16"}
WITHOUT_HALF = (
    "{name!r} is complex, and torch has no complex numbers of bfloat16 or float16; leave them out."
)
# A tensor written out: a number, true or false, or nested lists of these.
Written = bool | int | float | list["Written"]
SOURCES = ("draw", "value", "file", "from")  # where a tensor comes from; it has one of these keys
INPUTS = "inputs.py"  # the author's file that `from` names
FILES = ("file", "from")  # the sources that are files

_From = TypedDict("_From", {"from": str}, total=False)  # a word that Python has reserved


class Draw(_From, total=False):
    """Where a sample takes a tensor from, where it differs from `tensors`."""

    draw: str
    scale: float
    low: float
    high: float
    fan_in: int
    probability: float
    value: Written
    file: str
    key: str


class TensorSpec(Draw, total=False):
    """A tensor of the config; schema.yaml explains each key."""

    shape: list[int]
    requires_grad: bool


class SampleSpec(TypedDict):
    """A sample of the config: its seed, its runs, and the tensors that it draws differently."""

    seed: int
    runs: int
    tensors: NotRequired[dict[str, Draw]]


class ErrorCriterion(TypedDict):
    """A criterion on the errors: `every` or `some` must be `below` or `above` a bound."""

    dtype: str
    comparison: str
    measure: str
    sample: NotRequired[str]
    every: NotRequired[dict[str, float]]
    some: NotRequired[dict[str, float]]


class Criterion(TypedDict):
    """An acceptance criterion: its claim, and exactly one of the other keys."""

    claim: str
    errors: NotRequired[ErrorCriterion]
    graph: NotRequired[list[str]]
    attribution: NotRequired[str]
    pitfalls: NotRequired[str]
    second_call: NotRequired[str]
    verdict: NotRequired[str]


class Pitfall(TypedDict):
    """A mistake to try: a piece of backward.py, and the code that replaces it."""

    mistake: str
    replace: str
    by: str


class Languages(TypedDict):
    """The languages that an experiment is told in, the author's own first; English if absent."""

    languages: NotRequired[list[str]]


class Config(Languages):
    """A config.yaml, checked.

    named: what names axes in `tensors`, where numbers stand in their place (`experiment.sizes`)
    """

    title: str
    question: str
    tensors: dict[str, TensorSpec]
    arguments: NotRequired[dict[str, Argument]]
    axes: NotRequired[dict[str, int]]
    sizes: NotRequired[list[dict[str, int]]]
    named: NotRequired[dict[str, dict[str, object]]]
    samples: dict[str, SampleSpec]
    dtypes: list[str]
    acceptance: list[Criterion]
    translations: NotRequired[dict[str, dict[str, str]]]
    time_limit: NotRequired[int]
    chunk: NotRequired[int]
    pitfalls: NotRequired[list[Pitfall]]
    autograd: NotRequired[str]
    digits: NotRequired[int]
    surrogate: NotRequired[str]
    computes_in: NotRequired[str]


class MadeTensor(TypedDict):
    """A tensor of the trial as it was made.

    shape: in one run
    """

    name: str
    shape: list[int]
    dtype: str


@dataclass(frozen=True)
class Given:
    """What forward and backward are called with, by name.

    tensors: the names of the config's tensors
    arguments: what is no tensor
    complex: which of the tensors, and of the cotangents, are complex
    computes_in: the dtype that backward computes in whatever it is given, None if in its inputs'
    """

    tensors: tuple[str, ...]
    arguments: dict[str, Argument]
    complex: tuple[str, ...] = ()
    computes_in: str | None = None


def drawn_tensors(tensors: dict[str, TensorSpec], sample: SampleSpec) -> dict[str, TensorSpec]:
    """How each tensor is made in `sample`: as in `tensors`, unless the sample overrides it.

    A sample that takes a tensor from somewhere else keeps of `tensors` what is not of the source.
    """
    own = sample.get("tensors", {})
    return {name: _overridden(tensor, own.get(name, {})) for name, tensor in tensors.items()}


def _overridden(tensor: TensorSpec, own: Draw) -> TensorSpec:
    elsewhere = any(source in own and source not in tensor for source in SOURCES)
    kept = {
        key: value
        for key, value in tensor.items()
        if not elsewhere or key in ("shape", "requires_grad", "scale")
    }
    merged: TensorSpec = {**kept, **own}  # type: ignore[typeddict-item]
    return merged


def data_files(config: "Config") -> list[str]:
    """The files that tensors are read from or made by, relative to the experiment, sorted."""
    specs = [spec for one in config["samples"].values() for spec in one.get("tensors", {}).values()]
    found = {spec.get(key) for spec in [*config["tensors"].values(), *specs] for key in FILES}
    return sorted(name for name in found if isinstance(name, str))


def shown_format(dtypes: list[str]) -> str:
    """The dtype that the report shows in full."""
    return "float32" if "float32" in dtypes else dtypes[0]


def gradient_names(tensors: dict[str, TensorSpec]) -> dict[str, str]:
    """The name of each gradient, by the tensor that requires it: W -> dW."""
    return {name: f"d{name}" for name, tensor in tensors.items() if tensor.get("requires_grad")}


def judged(dtypes: list[str], computes_in: str | None = None) -> list[str]:
    """The dtypes that a verdict needs: float64, in which the formula is judged, and the others.

    computes_in: the dtype that backward computes in whatever it is given, None if in its inputs'
    """
    every = ["float64", *dtypes, *([computes_in] if computes_in else [])]
    return list(dict.fromkeys(every))


def arithmetic_of(dtype: str, computes_in: str | None) -> str:
    """The dtype that backward computes in when it is given tensors of `dtype`.

    computes_in: that in which it computes whatever it is given, None if in its inputs'
    """
    return max(dtype, computes_in or dtype, key=BY_PRECISION.index)


def fully_analysed(sample: SampleSpec) -> int:
    """How many runs of a sample are fully analysed; they are its first ones."""
    return min(sample["runs"], FULLY_ANALYSED)


def chunks(samples: dict[str, SampleSpec], size: int) -> list[tuple[str, int, int]]:
    """The runs that are not fully analysed, in chunks: sample, first run, one after the last."""
    return [
        (name, first, min(first + size, sample["runs"]))
        for name, sample in samples.items()
        for first in range(FULLY_ANALYSED, sample["runs"], size)
    ]


def languages_of(config: Languages) -> list[str]:
    """The languages of an experiment's report, the author's own first."""
    return config.get("languages", ["en"])


def edition(language: str) -> str:
    """The part of a report's file name that stands for its language: `.es` in REPORT.es.md."""
    return "" if language == "en" else f".{language}"
