"""Where a difference between the hand's gradient and autograd's comes from.

The answer rests on two measurements that differ in one thing: the hand's formula on torch's own
sums, and the same formula on numpy's.
"""

from typing import Any

import pandas as pd


def attribute(errors: pd.DataFrame, dtype: str) -> dict[str, Any]:
    """The cause of the difference in one format, over the trial's runs.

    returns: `cause`, one of
        "sums": the hand's formula meets autograd's bits on torch's sums and misses them on numpy's
        "none": it meets them on both, so there is no difference to explain
        "unknown": it misses them on torch's own sums already; something else differs too
    and `torch_sums`, `numpy_sums`: the greatest absolute differences from autograd
    """
    rows = errors[(errors["dtype"] == dtype) & (errors["sample"] == "trial")]
    torch_sums, numpy_sums = (
        float(rows[rows["comparison"] == comparison]["max_abs"].max())
        for comparison in ("manual_vs_autograd", "reordered_vs_autograd")
    )
    cause = "unknown" if torch_sums else "sums" if numpy_sums else "none"
    return {"cause": cause, "torch_sums": torch_sums, "numpy_sums": numpy_sums}
