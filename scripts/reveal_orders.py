"""Reveal the order in which torch and numpy add each recorded sum, in one dtype.

in   operations   json, as observe_operations writes it
     environment  json, as record_environment writes it
     code         a fingerprint of this stage's code
out  orders       json: `depends_on`, what the orders depend on besides the calls; `sums`, in the
                  order of the operations' sums, each with its description, its `key` (a hash of
                  description, `depends_on` and `code`), and `torch` and `numpy` (null unless the
                  manual backward has this sum). Each of these two has `refused` (why there is no
                  order, or null), `compared` (by kind of data, how many elements were compared with
                  the kernel's and how many were equal) and, unless refused, the orders as
                  `summation.orders_file` writes them

A sum that an earlier run left in `orders` is kept if its key is the same.
"""

from contextlib import nullcontext
from pathlib import Path

import torch

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.summation.confirm import Proof, prove
from autograd_by_hand.summation.kernels import adder_of
from autograd_by_hand.summation.numpy_sums import NumpySums
from autograd_by_hand.summation.orders_file import (
    KernelOrders,
    RevealedSum,
    SumCall,
    key_of,
    orders_written,
)


def reveal_orders(
    dtype: str, operations: Path, environment: Path, orders: Path, code: str = ""
) -> None:
    observed, around = read_json(operations), read_json(environment)
    depends_on = {name: around[name] for name in ("processor", "torch", "numpy", "settings")}
    depends_on["versions"] = {name: around["packages"][name] for name in ("torch", "numpy")}
    earlier = _earlier(orders)
    by_hand = {call["sum"] for call in observed["hand"]["calls"] if "sum" in call}
    entries: list[RevealedSum] = []
    for number, described in enumerate(observed["sums"]):
        key = key_of(described, depends_on | {"code": code})
        known = earlier.get(key)
        numpys: KernelOrders | None = None
        torchs = (known and known.get("torch")) or _entry(described, dtype, numpys=False)
        if number in by_hand:
            numpys = (known and known.get("numpy")) or _entry(described, dtype, numpys=True)
        entries.append(
            {
                "op": described["op"],
                "args": described["args"],
                "kwargs": described["kwargs"],
                "key": key,
                "numpy": numpys,
                "torch": torchs,
            }
        )
    write_json(orders, {"depends_on": depends_on, "sums": entries})


def _earlier(orders: Path) -> dict[str, RevealedSum]:
    """The sums of an earlier run by their keys; empty if there is no readable file."""
    try:
        sums: list[RevealedSum] = read_json(orders)["sums"]
        return {entry["key"]: entry for entry in sums}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _entry(described: SumCall, dtype: str, *, numpys: bool) -> KernelOrders:
    """One kernel's orders; for the half formats, numpy's are revealed in float32, where it adds."""
    wide = torch.float32 if numpys and dtype in ("float16", "bfloat16") else None
    kernel = adder_of(described, wide)
    whose = "numpy" if numpys else "torch"
    what = f"reveal_orders {dtype}, {whose}'s {described['op'].split('.')[1]}"
    with NumpySums() if numpys else nullcontext():
        proof: Proof = prove(kernel, what)
    counted: KernelOrders = {"refused": proof.refused, "compared": proof.compared}
    return counted if proof.orders is None else {**counted, **orders_written(proof.orders)}


if __name__ == "__main__":
    run_stage(reveal_orders, snakemake)  # type: ignore[name-defined]
