"""Estimate an experiment's need of disk and memory, and refuse to start one that needs too much.

The estimate counts the tensors that stages keep of the fully analysed runs, and those that the
largest stages hold at once. The experiments of this project use 0.6 to 1 times the estimated disk
space.
"""

from math import prod
from pathlib import Path
from shutil import disk_usage

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.settings import TRACED, Config, fully_analysed, judged

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
PYTHON = 300_000_000  # bytes of a stage before it has read a tensor
WITHOUT_TENSORS = frozenset(  # stages that only read text, or files piece by piece
    (
        "accept",
        "collect_errors",
        "collect_tails",
        "judge_gradients",
        "mark_chunks",
        "record_environment",
        "render_page",
        "render_report",
        "write_archive",
        "write_index",
        "write_manifest",
    )
)
ROW = 90  # bytes of a row of errors.csv
MEMINFO = Path("/proc/meminfo")


def disk_needed(config: Config) -> int:
    """Bytes of an experiment's cached intermediate files, including its table of errors."""
    everything, gradients = _elements(config)
    runs = {name: fully_analysed(sample) for name, sample in config["samples"].items()}
    held = sum(runs.values()) * everything * 4
    for dtype in judged(config["dtypes"], config.get("computes_in")):
        reference = 16 if dtype == "float64" else 8
        kinds = 3 * BYTES[dtype] + reference
        held += sum(runs.values()) * gradients * kinds + runs["trial"] * gradients * 8
    names = sum(1 for spec in config["tensors"].values() if spec.get("requires_grad"))
    every = sum(sample["runs"] for sample in config["samples"].values())
    rows: int = every * len(config["dtypes"]) * 4 * names
    return round(1.6 * held) + 2 * ROW * rows


def memory_needed(config: Config) -> int:
    """Bytes that the largest stage of an experiment holds at once."""
    return PYTHON + max(_tensors_held(config).values())


def memory_of_stage(stage: str, config: Config) -> int:
    """Bytes that a stage of an experiment holds at once.

    A stage without an estimate of its own is assumed to need as much as the largest one.
    """
    if stage in WITHOUT_TENSORS:
        return PYTHON
    held = _tensors_held(config)
    return PYTHON + held.get(stage, max(held.values()))


def _tensors_held(config: Config) -> dict[str, int]:
    """Bytes of tensors in the largest stages; measured on layers of up to 131 million weights.

    The factors are bytes per element: 4 for the draws of all runs; 8 for one run in float64 and 16
    for one in longdouble, which float64's reference needs; the others are for the gradients.
    """
    everything, gradients = _elements(config)
    runs = sum(map(fully_analysed, config["samples"].values()))
    drawn = 4 * runs * everything
    return {
        "compute_reference": drawn + 24 * everything + 16 * (runs + 1) * gradients,
        "measure_noise": drawn + 8 * everything + (8 * runs + 32) * gradients,
        "score_errors": 57 * runs * gradients,
        "attribute_difference": drawn + 52 * min(runs, TRACED) * gradients,
    }


def refuse_what_cannot_be(configs: dict[str, Config], root: Path) -> None:
    """Compare the needs of experiments with what the machine has.

    Raises
        UserError: if the free disk space below `root` or the memory is not enough.
    """
    free, memory = disk_usage(root).free, memory_available()
    mistakes = []
    for name, config in configs.items():
        needed = memory_needed(config)
        if memory is not None and needed > memory:
            mistakes.append(
                f"experiments/{name}: needs about {_size(needed)} of memory, but {_size(memory)} "
                "are available; use smaller tensors or fewer runs."
            )
    disk = sum(map(disk_needed, configs.values()))
    if disk > free:
        mistakes.append(
            f"{', '.join(f'experiments/{name}' for name in configs)}: need about {_size(disk)} of "
            f"disk space, but {_size(free)} are free; make room, or use fewer runs."
        )
    if mistakes:
        raise UserError("\n".join(mistakes))


def _elements(config: Config) -> tuple[int, int]:
    """How many elements the tensors of a run have, and how many their gradients.

    A tensor without a shape in the config is left out: it is known only when it is made.
    """
    sizes = [
        (prod(one.get("shape", [0])), one.get("requires_grad"))
        for one in config["tensors"].values()
    ]
    return sum(size for size, _ in sizes), sum(size for size, needed in sizes if needed)


def memory_available() -> int | None:
    """Bytes of memory available without swapping; None if the system does not report it."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(fields["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in fields else None


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB"
