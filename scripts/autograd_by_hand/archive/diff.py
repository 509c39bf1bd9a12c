"""Compare two experiments: settings, versions, inputs, orders, shares, errors and verdicts.

`compare` lists every difference by heading; `against_recorded` sums up in a sentence how a run
differs from the recorded results.
"""

import csv
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from autograd_by_hand.archive.reader import Archive
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import listed
from autograd_by_hand.core.number_format import percent
from autograd_by_hand.core.printable import printable
from autograd_by_hand.storage.manifest import ListedKernel, Manifest

MEASURES = ("max_abs", "max_ulp", "rel_norm")
TRIED = ("config.yaml", "forward.py", "backward.py")  # the author's files that affect the results
INPUTS = ("draws.safetensors", "cotangents.safetensors")
ABSENT = "-"
WIDTH = 48  # greatest width of a cell in the table; JSON has the whole text


@dataclass(frozen=True)
class Difference:
    """One value that differs, as text: its name, and both values."""

    what: str
    first: str
    second: str


@dataclass(frozen=True)
class Compared:
    """The comparison under one heading: how many values are the same, and which differ."""

    heading: str
    same: int
    differences: list[Difference]


def compare(first: Archive, second: Archive) -> list[Compared]:
    """Compare two experiments, heading by heading.

    Raises
        UserError: if one has no manifest or no errors.csv.
    """
    manifests = first.manifest(), second.manifest()
    return [
        _held("config", *(_flat(manifest["config"]) for manifest in manifests)),
        _held("versions and machine", *(_flat(manifest["environment"]) for manifest in manifests)),
        _held("author's files", *(_files(manifest, "written") for manifest in manifests)),
        _held("inputs", *(_inputs(manifest) for manifest in manifests)),
        _held("code", *(_files(manifest, "code") for manifest in manifests)),
        _held("orders of sums", *(_orders(manifest) for manifest in manifests)),
        _held("shares of the difference", *(_shares(manifest) for manifest in manifests)),
        _held("greatest errors", *(_errors(archive) for archive in (first, second))),
        _held("replay", *(_replay(manifest) for manifest in manifests)),
        _held("verdicts", *(_verdicts(manifest) for manifest in manifests)),
        _held("acceptance", *(_acceptance(manifest) for manifest in manifests)),
        _held("missing parts", *(_missing(manifest) for manifest in manifests)),
    ]


def against_recorded(recorded: Manifest, manifest: Manifest) -> str:
    """A sentence on how a run differs from the recorded results, according to their manifests.

    It counts verdicts, summation orders and shares of the difference as `compare` does.
    """
    made_by = recorded["environment"]
    where = f"the run recorded on {made_by['processor']}, with torch {made_by['packages']['torch']}"
    edited = _held("author's files", *(_files(each, "written") for each in (recorded, manifest)))
    tried = [each.what for each in edited.differences if each.what in TRIED]
    if tried:
        where += f", from another {listed(tried)}"
    both = (recorded, manifest)
    compared = [
        _held("verdicts", *map(_verdicts, both)),
        _held("summation orders", *map(_orders, both)),
        _held("shares of the difference", *map(_shares, both)),
    ]
    same = [each.heading for each in compared if each.same and not each.differences]
    different = [
        f"{len(each.differences)} of {each.same + len(each.differences)} {each.heading}"
        for each in compared
        if each.differences
    ]
    clauses = [f"the {listed(same)} are the same"] if same else []
    clauses += [f"{listed(different)} differ"] if different else []
    return f"Compared with {where}: {'; '.join(clauses)}."


def as_json(compared: list[Compared]) -> str:
    """The comparison for a machine to read."""
    return json.dumps([asdict(each) for each in compared], indent=2)


def as_table(compared: list[Compared], names: tuple[str, str]) -> str:
    """The comparison for a person to read: the differences, in columns under each heading."""
    lines = []
    for each in compared:
        counted = f"{each.same} the same, {len(each.differences)} different"
        lines.append(f"{each.heading}: {counted}")
        rows = [
            (printable(one.what), *map(printable, _clipped(one.first, one.second)))
            for one in each.differences
        ]
        if rows:
            rows = [("", *names), *rows]
            widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
            lines += [f"  {a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    return "\n".join(lines)


def _clipped(*texts: str) -> list[str]:
    """The texts of a row; if one is long, all are cut to the part where they start to differ."""
    if max(map(len, texts)) <= WIDTH:
        return [*texts]
    same = len(os.path.commonprefix(texts))  # noqa: RUF071 - these are no paths
    begin = max(0, same - WIDTH // 2)
    end = begin + WIDTH
    return [
        f"{'...' if begin else ''}{text[begin:end]}{'...' if end < len(text) else ''}"
        for text in texts
    ]


def _held(heading: str, first: dict[str, str], second: dict[str, str]) -> Compared:
    names = list(dict.fromkeys([*first, *second]))
    pairs = [(name, first.get(name, ABSENT), second.get(name, ABSENT)) for name in names]
    differences = [Difference(*pair) for pair in pairs if pair[1] != pair[2]]
    return Compared(heading, len(pairs) - len(differences), differences)


def _flat(value: Any, place: str = "") -> dict[str, str]:
    """The leaves of a nested structure as text, by their paths in it."""
    if isinstance(value, dict):
        parts = [
            _flat(item, f"{place}.{key}" if place else str(key)) for key, item in value.items()
        ]
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        parts = [_flat(item, f"{place}[{number}]") for number, item in enumerate(value)]
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return {place: text}
    return {key: text for part in parts for key, text in part.items()}


def _hashes(
    manifest: Manifest, kind: str, wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, str]:
    own = f"experiments/{manifest['experiment']}/"
    return {
        file["path"].removeprefix(own): f"sha256 {file['sha256'][:12]}"
        for file in manifest["files"][kind]
        if wanted(file["path"])
    }


def _files(manifest: Manifest, kind: str) -> dict[str, str]:
    return _hashes(manifest, kind)


def _inputs(manifest: Manifest) -> dict[str, str]:
    return _hashes(manifest, "intermediate", lambda path: path.endswith(INPUTS))


def _orders(manifest: Manifest) -> dict[str, str]:
    """The summation orders of each kernel, by its operation and the shapes of its operands."""
    found = {}
    for entry in manifest["orders"]:
        shapes = [
            arg["shape"]
            for arg in entry.get("args", [])
            if isinstance(arg, dict) and "shape" in arg
        ]
        name = f"{entry['dtype']} {entry['op']} {'x'.join(map(str, shapes))}"
        while name in found:
            name += "'"
        for library, kernel in (("torch", entry.get("torch")), ("numpy", entry.get("numpy"))):
            if kernel is not None:
                found[f"{name}, {library}"] = _order(kernel)
    return found


def _order(kernel: ListedKernel) -> str:
    """Each order of a kernel; if there are several, also which positions have which."""
    if kernel.get("refused"):
        return f"none: {kernel['refused']}"
    orders = kernel.get("orders", [])
    texts = [
        f"{order['tree']}"
        f"{', fused ' + str(order['fused']) if order.get('fused') else ''}"
        f"{', from zero' if order.get('from_zero') else ''}"
        for order in orders
    ]
    if len(orders) > 1:
        texts.append(f"by position {json.dumps(kernel.get('which'))}")
    return "; ".join(texts)


def _shares(manifest: Manifest) -> dict[str, str]:
    """The share of each cause in the difference of each gradient, rounded as in the report."""
    found = {}
    for row in manifest["attribution"]:
        share = row["share"]
        text = percent(share) if isinstance(share, float) else json.dumps(share)
        found[f"{row['dtype']} {row['gradient']}, {row['factor']}"] = str(text)
    return found


def _errors(archive: Archive) -> dict[str, str]:
    """The greatest value of every measure over the runs of `trial`; nan if any of them is nan."""
    path = archive.folder / "errors.csv"
    greatest: dict[str, float] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            if not {"dtype", *MEASURES} <= set(table.fieldnames or ()):
                raise UserError(
                    f"{path}: is not a table of errors (its first line lacks a column)."
                )
            for row in table:
                if row["sample"] == "trial":
                    for measure in MEASURES:
                        name = f"{row['dtype']} {row['comparison']} {row['gradient']} {measure}"
                        value = float(row[measure])
                        old = greatest.get(name, value)
                        greatest[name] = value if math.isnan(value) or value > old else old
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{path}: is not a table of errors ({error}).") from error
    return {name: f"{value:.6g}" for name, value in greatest.items()}


def _replay(manifest: Manifest) -> dict[str, str]:
    return {
        f"{row['dtype']} {row['tensor']}, {row['data']}": f"{row['identical']} of {row['elements']}"
        for row in manifest["replay"]
    }


def _verdicts(manifest: Manifest) -> dict[str, str]:
    found = {}
    for row in manifest["verdicts"]:
        named = f" ({row['diagnosis']['name']})" if row["diagnosis"] else ""
        found[f"{row['gradient']} in {row['dtype']}"] = f"{row['outcome']}{named}"
    return found


def _acceptance(manifest: Manifest) -> dict[str, str]:
    return {
        row["criterion"]: "holds" if row["holds"] else "does not hold"
        for row in manifest["acceptance"]
    }


def _missing(manifest: Manifest) -> dict[str, str]:
    return {
        f"{row['stage']} {row['dtype'] or ''}".rstrip(): row["words"]
        for row in manifest.get("missing", [])
    }
