"""The proof: in which dtypes the replay gives autograd's own bits."""

from dataclasses import dataclass
from typing import Literal

from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.storage.missing import Missing


@dataclass(frozen=True)
class Proof:
    """What the replays of all dtypes prove together.

    missing: why no replay is there in any dtype, None if one is
    from_inputs: whether they start from the bits of the inputs alone, with nothing taken as given
    reach: whether every bit in every dtype is computed and met, or every sum is, or only some
        dtypes are proved, or none
    proved, unproved: the dtypes
    tensors: those that were replayed on the experiment's own data
    given: the operations whose results the first unproved dtype takes as recorded
    """

    missing: Missing | None
    from_inputs: bool
    reach: Literal["every bit", "every sum", "some formats", "no format"]
    proved: list[str]
    unproved: list[str]
    tensors: list[str]
    given: list[str]


def proof_of(measured: Measurements) -> Proof:
    """Return the proof of all dtypes together."""
    replay, dtypes = measured.replayed, measured.dtypes
    proved = [dtype for dtype in dtypes if dtype in replay and replay[dtype]["proved"]]
    unproved = [dtype for dtype in dtypes if dtype not in proved]
    some: Literal["some formats", "no format"] = "some formats" if proved else "no format"
    return Proof(
        missing=_missing_everywhere(measured),
        from_inputs=not any(one["given"] for one in replay.values()),
        reach="every bit" if not unproved else "every sum" if every_sum_met(measured) else some,
        proved=proved,
        unproved=unproved,
        tensors=[
            row["tensor"]
            for one in list(replay.values())[:1]
            for row in one["tensors"]
            if row["data"] == "experiment"
        ],
        given=next((list(replay[one]["given"]) for one in unproved if one in replay), []),
    )


def every_sum_met(measured: Measurements) -> bool:
    """Return whether each element has autograd's bits, and each sum was replayed in its order."""
    return len(measured.replayed) == len(measured.dtypes) and not any(
        replay["constants"]
        or replay["refused"]
        or replay["others"]
        or any(row["identical"] != row["elements"] for row in replay["tensors"])
        for replay in measured.replayed.values()
    )


def _missing_everywhere(measured: Measurements) -> Missing | None:
    if measured.replayed:
        return None
    return next(one for one in measured.replay.values() if isinstance(one, Missing))
