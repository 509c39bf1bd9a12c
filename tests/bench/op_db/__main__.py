"""Put torch's operator database on trial, each entry in a process of its own.

Usage: PYTHONPATH=scripts python -m tests.bench.op_db [entry ...]   (from the project's root)

Results are appended to a file, one JSON object a line, and what it holds is not tried again; the
table for docs/benchmarks.md is printed at the end.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from autograd_by_hand.floats.rounding import FORMATS
from record_environment import record_environment
from tests.bench.op_db.entries import Sample, entries, samples_of
from tests.bench.op_db.table import table
from tests.bench.op_db.trial import STAGES, Record, Trial

PACKAGES = ["torch", "numpy"]


def main() -> None:
    asked = _arguments()
    names = [name for name in entries() if not asked.entry or name in asked.entry]
    if unknown := {*asked.entry} - {*names}:
        sys.exit(f"op_db: has no differentiable entry {', '.join(sorted(unknown))}.")
    if asked.random:
        names = random.Random(asked.seed).sample(names, min(asked.random, len(names)))  # noqa: S311
    for stage in STAGES:
        import_module(stage)  # once for all entries
    known = _read(asked.results)
    with (
        tempfile.TemporaryDirectory() as folder,
        asked.results.open("a", encoding="utf-8") as out,
        ThreadPoolExecutor(asked.cores) as pool,
    ):
        environment = Path(folder, "environment.json")
        record_environment(PACKAGES, environment)

        def entry(name: str) -> None:
            tried = {one["sample"] for one in known if one["entry"] == name}
            for record in _tried(name, tried, asked, environment):
                out.write(json.dumps(record) + "\n")
                out.flush()

        for number, _ in enumerate(pool.map(entry, names), 1):
            print(f"\rop_db: {number} of {len(names)} entries", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    wanted = {*names}
    print(table([one for one in _read(asked.results) if one["entry"] in wanted]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.bench.op_db", description=__doc__)
    parser.add_argument("entry", nargs="*", help="names of entries; all if none is given")
    parser.add_argument("--random", type=int, help="only so many entries, at random")
    parser.add_argument("--seed", type=int, default=0, help="of that choice")
    parser.add_argument("--samples", type=int, help="at most so many samples of an entry")
    parser.add_argument(
        "--dtypes", nargs="+", default=[*FORMATS], choices=[*FORMATS], help="besides float64"
    )
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for one sample")
    parser.add_argument("--results", type=Path, default=Path("op_db.jsonl"))
    asked = parser.parse_args()
    asked.dtypes = [dtype for dtype in FORMATS if dtype in {"float64", *asked.dtypes}]
    return asked


def _read(path: Path) -> list[Record]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def chosen(samples: list[Sample], most: int | None) -> list[Sample]:
    """As many samples as wanted: one of each kind first, and of a kind the cheapest first."""
    cheapest = sorted(samples, key=lambda one: (one.objection() is not None, one.cost()))
    seen: dict[str, int] = {}
    ranks = []
    for one in cheapest:
        seen[one.kind()] = seen.get(one.kind(), -1) + 1
        ranks.append(seen[one.kind()])
    ranked = sorted(zip(ranks, range(len(cheapest)), strict=True))
    return [cheapest[at] for _, at in ranked[:most]]


def _tried(
    name: str, tried: set[int], asked: argparse.Namespace, environment: Path
) -> list[Record]:
    """The records of an entry's samples; if the process dies in one, it goes on with the next."""
    records: list[Record] = []
    context = multiprocessing.get_context("fork")
    while True:
        ours, theirs = context.Pipe(duplex=False)
        done = tried | {one["sample"] for one in records}
        process = context.Process(target=_child, args=(name, done, asked, environment, theirs))
        process.start()
        theirs.close()
        at: tuple[int, int, str, str] | None = None  # sample, of how many, stage, dtype
        began, why = time.monotonic(), ""
        while True:
            left = asked.limit - (time.monotonic() - began)
            if left <= 0 or not ours.poll(left):
                process.kill()
                why = f"no end after {asked.limit:g} s"
                break
            try:
                message = ours.recv()
            except EOFError:
                break
            if isinstance(message, dict):
                records.append(message)  # type: ignore[arg-type]
                began, at = time.monotonic(), None
            else:
                at = message
        process.join()
        if at is None:
            if process.exitcode and not records:
                raise RuntimeError(f"{name}: ended with {process.exitcode}")
            return records
        sample, _, stage, dtype = at
        records.append(
            {
                "entry": name,
                "sample": sample,
                "skipped": None,
                "seconds": time.monotonic() - began,
                "outcomes": [
                    {
                        "stage": stage,
                        "dtype": dtype,
                        "how": "crashed",
                        "text": why or f"the process died: {process.exitcode}",
                        "seconds": time.monotonic() - began,
                    }
                ],
                "verdicts": {},
                "reasons": [],
            }
        )


def _child(
    name: str, done: set[int], asked: argparse.Namespace, environment: Path, out: Connection
) -> None:
    warnings.simplefilter("ignore")
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - progress, which nobody reads
    torch.set_num_threads(1)
    samples = samples_of(name)
    for sample in chosen(samples, asked.samples):
        if sample.number in done:
            continue

        def announce(stage: str, dtype: str, number: int = sample.number) -> None:
            out.send((number, len(samples), stage, dtype))

        with tempfile.TemporaryDirectory() as folder:
            announce("prepare", "")
            trial = Trial(Path(folder), sample, asked.dtypes, environment, announce)
            out.send(trial.run())
    out.close()
    os._exit(0)  # Python's own end would wait for the pool of threads, which is not in this process


if __name__ == "__main__":
    sys.path.insert(0, "scripts")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
