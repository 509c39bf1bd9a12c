"""The tables of docs/benchmarks.md from the records of the operator database."""

import re
from collections import Counter
from collections.abc import Iterable

from autograd_by_hand.floats.rounding import FORMATS
from tests.bench.op_db.trial import IN_EACH_DTYPE, ONCE, Record

SLOW = 30.0  # seconds of processor time
SHOWN = 5  # of the slowest samples
HOWS = ("done", "refused", "crashed")
COMPUTES = ("run_autograd", "compute_manual")  # where torch itself may have no kernel
CAUGHT = ("wrong", "imprecise")


def table(records: list[Record]) -> str:
    """All tables, in Markdown."""
    tried = [one for one in records if one["skipped"] is None]
    return "\n\n".join(
        [
            _whole(records, tried),
            _coverage(tried),
            _verdicts(tried),
            _reasons(tried),
            _slowest(tried),
        ]
    )


def _whole(records: list[Record], tried: list[Record]) -> str:
    entries = {one["entry"] for one in records}
    left = entries - {one["entry"] for one in tried}
    judged = {one["entry"] for one in tried if _judged(one)}
    not_judged = {one["entry"] for one in tried if not _judged(one)}
    crashed = sum(_has(one, "crashed") for one in tried)
    skipped = Counter(one["skipped"] for one in records if one["skipped"])
    count, of_all = len(judged - not_judged), len(judged | not_judged)
    lines = [
        f"{len(tried)} samples of {of_all} entries were tried. {crashed} crashed in some stage.",
        (
            f"Of {count} entries ({_share(count, of_all)}), every sample tried was judged in each dtype "
            f"in which torch computes it; of these it was not: {_some(sorted(not_judged))}."
        ),
    ]
    if skipped:
        said = ", ".join(f"{reason}: {count}" for reason, count in skipped.most_common())
        lines.append(f"Left out: {said}" + (f" (all of {_some(sorted(left))})." if left else "."))
    return "\n".join(lines)


def _judged(record: Record) -> bool:
    """Whether there is a verdict in each dtype in which torch itself computes the sample."""
    no_kernel = {
        one["dtype"]
        for one in record["outcomes"]
        if one["stage"] in COMPUTES and one["how"] == "refused"
    }
    due = {one["dtype"] for one in record["outcomes"]} - {"", *no_kernel}
    return bool(due) and due == set(record["verdicts"].get("nothing", {}))


def _has(record: Record, how: str) -> bool:
    return any(one["how"] == how for one in record["outcomes"])


def _coverage(tried: list[Record]) -> str:
    """How often each stage ended in which way."""
    counts = Counter(
        (one["stage"], one["dtype"], one["how"]) for record in tried for one in record["outcomes"]
    )
    rows = [
        "| done / refused / crashed | once | " + " | ".join(FORMATS) + " |",
        "|---|---|---|---|---|---|",
    ]
    for stage in ("draw_cotangents", *ONCE, *IN_EACH_DTYPE, "judge_gradients", "try_pitfalls"):
        cells = []
        for dtype in ("", *FORMATS):
            ends = [counts[stage, dtype, how] for how in HOWS]
            cells.append(" / ".join(map(str, ends)) if any(ends) else "")
        rows.append(f"| {stage} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _verdicts(tried: list[Record]) -> str:
    """The verdicts on autograd's own gradients, and on those with a mistake."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for record in tried:
        for change, by_dtype in record["verdicts"].items():
            for dtype, outcomes in by_dtype.items():
                for outcome in outcomes.values():
                    counts[change, dtype, "caught" if outcome in CAUGHT else outcome] += 1
    ends = ("right", "caught", "unresolved")
    rows = [
        "| right / wrong or imprecise / unresolved | " + " | ".join(FORMATS) + " |",
        "|---|---|---|---|---|",
    ]
    for change, words in CHANGED.items():
        cells = [" / ".join(str(counts[change, dtype, end]) for end in ends) for dtype in FORMATS]
        rows.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


CHANGED = {
    "nothing": "autograd's gradient, from another call",
    "scaled": "the same times 1.001",
    "sign": "with the sign of its largest element turned",
    "shifted": "transposed, or moved by one element",
}


def _reasons(tried: list[Record]) -> str:
    """Why stages refused or crashed, and why right gradients were left unresolved."""
    lines = []
    for how, title in (("crashed", "Crashes"), ("refused", "Refusals")):
        found = [
            (f"{one['stage']}: {_general(one['text'])}", record["entry"])
            for record in tried
            for one in record["outcomes"]
            if one["how"] == how
        ]
        lines += [f"{title}:", *_by_reason(found), ""]
    unresolved = [
        (_general(reason), record["entry"])
        for record in tried
        if "unresolved" in _outcomes(record)
        for reason in record["reasons"]
    ]
    return "\n".join([*lines, "Right gradients left unresolved:", *_by_reason(unresolved)])


def _outcomes(record: Record) -> set[str]:
    own = record["verdicts"].get("nothing", {})
    return {outcome for by_name in own.values() for outcome in by_name.values()}


def _by_reason(found: list[tuple[str, str]]) -> list[str]:
    """A line for each reason, the most frequent first, with the entries that it concerns."""
    counts = Counter(reason for reason, _ in found)
    return [
        f"- {count} x {reason} ({_some(sorted({entry for one, entry in found if one == reason}))})"
        for reason, count in counts.most_common()
    ] or ["- none"]


def _general(text: str) -> str:
    """A sentence without what differs from sample to sample: folders, lines, dtypes and numbers."""
    text = re.sub(r"\S*/(\w+\.(py|yaml))(:\d+)?", r"\1", text)
    text = re.sub(r"`_sample\.[^`]*`", "its call", text)
    text = re.sub(r"\b(bfloat|float)16\b", "half format", text)
    text = re.sub(r"'(Half|BFloat16)'|\b(Half|BFloat16)\b", "half format", text)
    return re.sub(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", "#", text)


def _slowest(tried: list[Record]) -> str:
    ranked = sorted(tried, key=lambda one: -one["seconds"])
    slow = sum(one["seconds"] > SLOW for one in tried)
    shown = ", ".join(f"{one['entry']} {one['seconds']:.0f} s" for one in ranked[:SHOWN])
    total = sum(one["seconds"] for one in tried)
    return (
        f"{slow} samples took more than {SLOW:g} s of processor time; the slowest: {shown}. "
        f"All took {total / 60:.0f} min."
    )


def _some(names: Iterable[str]) -> str:
    every = [*names]
    if not every:
        return "none"
    rest = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + rest


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"
