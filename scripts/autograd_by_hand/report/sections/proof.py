"""The proof: in which dtypes the replay gives autograd's own bits."""

from dataclasses import dataclass
from typing import Literal

from autograd_by_hand.report.measurements import Measurements


@dataclass(frozen=True)
class Proof:
    """What the replays of all dtypes prove together.

    from_inputs: whether they start from the bits of the inputs alone, with nothing taken as given
    reach: whether every bit in every dtype is computed and met, or every sum is, or only some
        dtypes are proved, or none
    proved, unproved: the dtypes
    tensors: those that were replayed on the experiment's own data
    given: the operations whose results the first unproved dtype takes as recorded
    """

    from_inputs: bool
    reach: Literal["every bit", "every sum", "some formats", "no format"]
    proved: list[str]
    unproved: list[str]
    tensors: list[str]
    given: list[str]


def proof_of(measured: Measurements) -> Proof:
    """Return the proof of all dtypes together."""
    replay, dtypes = measured.replay, measured.dtypes
    proved = [dtype for dtype in dtypes if replay[dtype]["proved"]]
    unproved = [dtype for dtype in dtypes if dtype not in proved]
    some: Literal["some formats", "no format"] = "some formats" if proved else "no format"
    return Proof(
        from_inputs=not any(replay[dtype]["given"] for dtype in dtypes),
        reach="every bit" if not unproved else "every sum" if every_sum_met(measured) else some,
        proved=proved,
        unproved=unproved,
        tensors=[
            row["tensor"] for row in replay[dtypes[0]]["tensors"] if row["data"] == "experiment"
        ],
        given=list(replay[unproved[0]]["given"]) if unproved else [],
    )


def every_sum_met(measured: Measurements) -> bool:
    """Return whether each element has autograd's bits, and each sum was replayed in its order."""
    return not any(
        replay["constants"]
        or replay["refused"]
        or replay["others"]
        or any(row["identical"] != row["elements"] for row in replay["tensors"])
        for replay in measured.replay.values()
    )
