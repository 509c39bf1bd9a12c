"""Succeed if backward gives every gradient and every acceptance criterion holds.

in   judgement  json, as judge_gradients writes it
     report     the report, which is written either way
out  accepted   text: the criteria that hold, one per line
"""

from pathlib import Path

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.pipeline.run_stage import run_stage


def accept(judgement: Path, report: Path, accepted: Path) -> None:
    judged = read_json(judgement)
    rows = judged["acceptance"]
    failed = [row for row in rows if not row["holds"]]
    if judged["refused"]:
        raise UserError(
            f"{' '.join(judged['refused'])} The others are judged; the report is {report}."
        )
    if failed:
        reasons = " ".join(f"{row['criterion']}: {row['measured']}." for row in failed)
        raise UserError(
            f"{len(failed)} of {len(rows)} acceptance criteria do not hold. {reasons} "
            f"The report is {report}."
        )
    write_text(accepted, "".join(f"{row['criterion']}: {row['measured']}\n" for row in rows))


if __name__ == "__main__":
    run_stage(accept, snakemake)  # type: ignore[name-defined]
