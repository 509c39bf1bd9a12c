"""Succeed if backward gives every gradient and every acceptance criterion holds.

in   judgement   json, as judge_gradients writes it
     report      the report; it is written even if this stage fails, and only named here
     acceptance  the config's criteria
out  accepted    text: the criteria that hold, one per line

A wrong gradient makes the stage fail, unless a criterion of the config expects one with
`verdict: wrong`.
"""

from collections import defaultdict
from pathlib import Path

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.core.messages import listed
from autograd_by_hand.experiment.settings import Criterion
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.verdict.judge import VerdictOnGradient


def accept(judgement: Path, report: Path, acceptance: list[Criterion], accepted: Path) -> None:
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
    wrong = _wrong(judged["verdicts"])
    if wrong and not any(one.get("verdict") == "wrong" for one in acceptance):
        raise UserError(f"{wrong}, and no acceptance criterion expects it. The report is {report}.")
    write_text(accepted, "".join(f"{row['criterion']}: {row['measured']}\n" for row in rows))


def _wrong(verdicts: list[VerdictOnGradient]) -> str:
    """A clause that lists the wrong gradients with their dtypes; empty if there is none."""
    dtypes = defaultdict(list)
    for verdict in verdicts:
        if verdict["outcome"] == "wrong":
            dtypes[verdict["gradient"]].append(verdict["dtype"])
    alike = defaultdict(list)
    for gradient, which in dtypes.items():
        alike[tuple(which)].append(gradient)
    return "; ".join(
        f"{listed(gradients)} {'is' if len(gradients) == 1 else 'are'} wrong in {listed(which)}"
        for which, gradients in alike.items()
    )


if __name__ == "__main__":
    run_stage(accept, snakemake)  # type: ignore[name-defined]
