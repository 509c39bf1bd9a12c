"""Reveal in which order every observed sum adds, torch's and numpy's, in one format.

in   operations   json, as observe_operations writes it
     environment  json, as record_environment writes it
     code         a fingerprint of this stage's code
out  orders       json: `depends_on`, what orders depend on besides the calls; `sums`, in the order
                  of the operations' sums, each its description, its `key` (a hash of description,
                  `depends_on` and `code`), and `torch` and `numpy` (null where the hand's backward
                  has no such sum). Each of these has `refused` (a reason, or null), `compared` (by
                  kind of data, the elements that were held against the kernel and those alike) and,
                  unless refused, the orders as `summation.tree` writes them

What an earlier run left in `orders` is taken over where the key is the same.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.summation.confirm import Proof, prove
from autograd_by_hand.summation.kernels import adder_of
from autograd_by_hand.summation.numpy_sums import NumpySums
from autograd_by_hand.summation.orders_file import key_of
from autograd_by_hand.summation.tree import orders_written


def reveal_orders(
    dtype: str, operations: Path, environment: Path, orders: Path, code: str = ""
) -> None:
    observed, around = read_json(operations), read_json(environment)
    depends_on = {name: around[name] for name in ("processor", "torch", "numpy", "settings")}
    depends_on["versions"] = {name: around["packages"][name] for name in ("torch", "numpy")}
    earlier = _earlier(orders)
    by_hand = {call["sum"] for call in observed["hand"]["calls"] if "sum" in call}
    entries = []
    for number, described in enumerate(observed["sums"]):
        key = key_of(described, depends_on | {"code": code})
        known = earlier.get(key, {})
        entry: dict[str, Any] = {**described, "key": key, "numpy": None}
        entry["torch"] = known.get("torch") or _entry(described, dtype, numpys=False)
        if number in by_hand:
            entry["numpy"] = known.get("numpy") or _entry(described, dtype, numpys=True)
        entries.append(entry)
    write_json(orders, {"depends_on": depends_on, "sums": entries})


def _earlier(orders: Path) -> dict[str, Any]:
    """The sums of an earlier run by their keys; none if it left nothing that can be read."""
    try:
        return {entry["key"]: entry for entry in read_json(orders)["sums"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _entry(described: dict[str, Any], dtype: str, *, numpys: bool) -> dict[str, Any]:
    """One kernel's orders. Numpy adds the half formats in float32, so that is what is probed."""
    wide = torch.float32 if numpys and dtype in ("float16", "bfloat16") else None
    kernel = adder_of(described, wide)
    whose = "numpy" if numpys else "torch"
    what = f"reveal_orders {dtype}, {whose}'s {described['op'].split('.')[1]}"
    with NumpySums() if numpys else nullcontext():
        proof: Proof = prove(kernel, what)
    return {
        "refused": proof.refused,
        "compared": {kind: vars(one) for kind, one in proof.compared.items()},
        **({} if proof.orders is None else orders_written(proof.orders)),
    }


if __name__ == "__main__":
    run_stage(reveal_orders, snakemake)  # type: ignore[name-defined]
