"""What follows from an experiment's settings, once they are checked."""

from typing import NotRequired, TypedDict

# Runs of a sample that are looked at in every way: judged, replayed, traced. Of the rest only the
# errors are measured, chunk by chunk, and no tensor is kept.
CLOSELY = 100
CHUNK = 500  # runs that one job measures, if the config says nothing
TRACED = 5  # runs at most, whose difference is traced: shares are averages, and cost a replay each


class Draw(TypedDict, total=False):
    """What a sample may say of a tensor: how it is drawn."""

    draw: str
    scale: float
    low: float
    high: float
    fan_in: int


class TensorSpec(TypedDict):
    """A tensor of the config; schema.yaml says what each key means."""

    shape: list[int]
    draw: str
    requires_grad: NotRequired[bool]
    scale: NotRequired[float]
    low: NotRequired[float]
    high: NotRequired[float]
    fan_in: NotRequired[int]


class SampleSpec(TypedDict):
    """A sample of the config: its seed, its runs, and how its tensors are drawn otherwise."""

    seed: int
    runs: int
    tensors: NotRequired[dict[str, Draw]]


class ErrorCriterion(TypedDict):
    """What a criterion asks of the errors: `every` or `some` are `below` or `above` a bound."""

    dtype: str
    comparison: str
    measure: str
    sample: NotRequired[str]
    every: NotRequired[dict[str, float]]
    some: NotRequired[dict[str, float]]


class Criterion(TypedDict):
    """A criterion of acceptance: its claim, and one of the others."""

    claim: str
    errors: NotRequired[ErrorCriterion]
    graph: NotRequired[list[str]]
    attribution: NotRequired[str]
    pitfalls: NotRequired[str]
    verdict: NotRequired[str]


class Pitfall(TypedDict):
    """A mistake to try: a piece of backward.py, and what is put in its place."""

    mistake: str
    replace: str
    by: str


class Languages(TypedDict):
    """The languages that an experiment is told in, the author's own first; English if absent."""

    languages: NotRequired[list[str]]


class Config(Languages):
    """A config.yaml, checked."""

    title: str
    question: str
    tensors: dict[str, TensorSpec]
    samples: dict[str, SampleSpec]
    dtypes: list[str]
    acceptance: list[Criterion]
    translations: NotRequired[dict[str, dict[str, str]]]
    time_limit: NotRequired[int]
    chunk: NotRequired[int]
    pitfalls: NotRequired[list[Pitfall]]


def drawn_tensors(tensors: dict[str, TensorSpec], sample: SampleSpec) -> dict[str, TensorSpec]:
    """How each tensor is drawn in `sample`: `tensors`, overridden by the sample's own words."""
    own = sample.get("tensors", {})
    return {name: {**tensor, **own.get(name, {})} for name, tensor in tensors.items()}


def shown_format(dtypes: list[str]) -> str:
    """The format that the report shows in full."""
    return "float32" if "float32" in dtypes else dtypes[0]


def gradient_names(tensors: dict[str, TensorSpec]) -> dict[str, str]:
    """From each tensor that needs a gradient to the gradient's name: W -> dW."""
    return {name: f"d{name}" for name, tensor in tensors.items() if tensor.get("requires_grad")}


def judged(dtypes: list[str]) -> list[str]:
    """The formats that are computed for a verdict: float64, which judges the formula, and these."""
    return ["float64", *(dtype for dtype in dtypes if dtype != "float64")]


def closely(sample: SampleSpec) -> int:
    """How many runs of a sample, its first ones, are looked at in every way."""
    return min(sample["runs"], CLOSELY)


def chunks(samples: dict[str, SampleSpec], size: int) -> list[tuple[str, int, int]]:
    """The rest of the runs in chunks: the sample, the first run, and the one after the last."""
    return [
        (name, first, min(first + size, sample["runs"]))
        for name, sample in samples.items()
        for first in range(CLOSELY, sample["runs"], size)
    ]


def languages_of(config: Languages) -> list[str]:
    """The languages of an experiment's report, the author's own first."""
    return config.get("languages", ["en"])


def edition(language: str) -> str:
    """What the files of a report in a language have before their ending: REPORT.es.md."""
    return "" if language == "en" else f".{language}"
