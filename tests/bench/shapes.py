"""Prove the sums of linear layers of many shapes: y, the loss and the gradients in every dtype.

The revealed order of each kernel is compared with its bits on random and on amplified data, with at
most 20 million summands at once: some rows and columns of a large output.
"""

import time

import torch

from autograd_by_hand.summation.confirm import prove
from autograd_by_hand.summation.kernels import Layout, adder

aten = torch.ops.aten
SHAPES = [(64, 600), (1, 50), (515, 1027), (768, 3072), (8192, 64)]  # inputs, outputs
BATCHES = [1, 2, 5, 7, 8, 64, 129]
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def main() -> None:
    torch.set_num_threads(1)
    print("| Linear | batch | sums | refused | elements compared | alike | longest |")
    print("|---|---|---|---|---|---|---|")
    for inputs, outputs in SHAPES:
        for batch in BATCHES:
            sums = refused = elements = alike = 0
            longest = 0.0
            for dtype in DTYPES:
                x, weight, bias, dy = (
                    torch.empty(shape, dtype=dtype)
                    for shape in ((batch, inputs), (outputs, inputs), (outputs,), (batch, outputs))
                )
                for function, *args in (
                    (aten.addmm.default, bias, x, weight.t()),
                    (aten.mm.default, dy, weight),
                    (aten.mm.default, dy.t(), x),
                    (aten.sum.dim_IntList, dy, [0], True),
                    (aten.sum.default, dy),
                ):
                    laid_out = tuple(
                        Layout.of(arg) if isinstance(arg, torch.Tensor) else arg for arg in args
                    )
                    start = time.perf_counter()
                    found = prove(adder(function, laid_out, {}), f"{function} {batch} {dtype}")
                    longest = max(longest, time.perf_counter() - start)
                    sums += 1
                    refused += found.refused is not None
                    elements += sum(one["elements"] for one in found.compared.values())
                    alike += sum(one["identical"] for one in found.compared.values())
            print(
                f"| ({inputs}, {outputs}) | {batch} | {sums} | {refused} | {elements} | {alike} "
                f"| {longest:.1f} s |",
                flush=True,
            )


if __name__ == "__main__":
    main()
