"""What follows from an experiment's settings, once they are checked."""

from typing import Any

# Runs of a sample that are looked at in every way: judged, replayed, traced. Of the rest only the
# errors are measured, chunk by chunk, and no tensor is kept.
CLOSELY = 100
CHUNK = 500  # runs that one job measures, if the config says nothing
TRACED = 5  # runs at most, whose difference is traced: shares are averages, and cost a replay each


def drawn_tensors(tensors: dict[str, Any], sample: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """How each tensor is drawn in `sample`: `tensors`, overridden by the sample's own words."""
    own = sample.get("tensors", {})
    return {name: {**tensor, **own.get(name, {})} for name, tensor in tensors.items()}


def shown_format(dtypes: list[str]) -> str:
    """The format that the report shows in full."""
    return "float32" if "float32" in dtypes else dtypes[0]


def gradient_names(tensors: dict[str, Any]) -> dict[str, str]:
    """From each tensor that needs a gradient to the gradient's name: W -> dW."""
    return {name: f"d{name}" for name, tensor in tensors.items() if tensor.get("requires_grad")}


def judged(dtypes: list[str]) -> list[str]:
    """The formats that are computed for a verdict: float64, which judges the formula, and these."""
    return ["float64", *(dtype for dtype in dtypes if dtype != "float64")]


def closely(sample: dict[str, Any]) -> int:
    """How many runs of a sample, its first ones, are looked at in every way."""
    return min(int(sample["runs"]), CLOSELY)


def chunks(samples: dict[str, Any], size: int) -> list[tuple[str, int, int]]:
    """The rest of the runs in chunks: the sample, the first run, and the one after the last."""
    return [
        (name, first, min(first + size, sample["runs"]))
        for name, sample in samples.items()
        for first in range(CLOSELY, sample["runs"], size)
    ]


def languages_of(config: dict[str, Any]) -> list[str]:
    """The languages of an experiment's report, the author's own first."""
    found: list[str] = config.get("languages", ["en"])
    return found


def edition(language: str) -> str:
    """What the files of a report in a language have before their ending: REPORT.es.md."""
    return "" if language == "en" else f".{language}"
