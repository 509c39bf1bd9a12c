"""Embedding lookup, mean over the positions, linear layer."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="embedding_bag",
    tensors={
        "E": {"shape": [30, 12], "draw": "randn", "requires_grad": True},
        "W": {"shape": [8, 12], "draw": "linear_default", "fan_in": 12, "requires_grad": True},
        "b": {"shape": [8], "draw": "linear_default", "fan_in": 12, "requires_grad": True},
        "tokens": {"shape": [6, 9], "draw": "randint", "high": 30},
    },
    forward='''\
"""A bag of words: the mean of the tokens' embeddings through a linear layer."""

from torch import Tensor
from torch.nn.functional import embedding, linear


def forward(E: Tensor, W: Tensor, b: Tensor, tokens: Tensor) -> Tensor:
    e = embedding(tokens, E)  # (6, 9, 12)
    h = e.mean(dim=1)  # (6, 12)
    return linear(h, W, b)  # (6, 8)
''',
    backward='''\
"""The gradient of forward.py: each occurrence of a token adds its bag's dh / L to its row of E."""

import torch
from torch import Tensor


def backward(E: Tensor, W: Tensor, b: Tensor, tokens: Tensor, dout: Tensor) -> dict[str, Tensor]:
    L = tokens.shape[1]  # 9
    h = E[tokens].mean(dim=1)  # (6, 12)
    dW = dout.T @ h  # (8, 12)
    db = dout.sum(dim=0)  # (8,)
    dh = dout @ W  # (6, 12)
    de = (dh / L).unsqueeze(1).expand(-1, L, -1)  # (6, 9, 12)
    dE = torch.zeros_like(E)  # (30, 12)
    dE.index_add_(0, tokens.flatten(), de.flatten(0, 1))
    return {"E": dE, "W": dW, "b": db}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    L = tokens",
                    (
                        "    dtype = E.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        E, W, dout = E.float(), W.float(), dout.float()\n"
                        "    L = tokens"
                    ),
                ),
                (
                    '{"E": dE, "W": dW, "b": db}',
                    '{"E": dE.to(dtype), "W": dW.to(dtype), "b": db.to(dtype)}',
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    "def backward(",
                    (
                        "def array(t: Tensor) -> np.ndarray:\n"
                        "    return (t.float() if t.element_size() == 2 else t).detach().numpy()\n"
                        "\n\ndef backward("
                    ),
                ),
                (
                    "    L = tokens",
                    (
                        "    dtype = E.dtype\n"
                        "    E, W, tokens, dout = array(E), array(W), tokens.numpy(), array(dout)\n"
                        "    L = tokens"
                    ),
                ),
                ("E[tokens].mean(dim=1)", "E[tokens].mean(axis=1)"),
                ("dout.sum(dim=0)", "dout.sum(axis=0)"),
                (
                    "    de = (dh / L).unsqueeze(1).expand(-1, L, -1)  # (6, 9, 12)\n",
                    "    de = np.repeat(dh / L, L, axis=0)  # (54, 12)\n",
                ),
                ("torch.zeros_like(E)", "np.zeros_like(E)"),
                (
                    "dE.index_add_(0, tokens.flatten(), de.flatten(0, 1))",
                    "np.add.at(dE, tokens.ravel(), de)",
                ),
                (
                    '    return {"E": dE, "W": dW, "b": db}',
                    (
                        '    grads = {"E": dE, "W": dW, "b": db}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "matrix of token counts",
            (
                (
                    (
                        "    de = (dh / L).unsqueeze(1).expand(-1, L, -1)  # (6, 9, 12)\n"
                        "    dE = torch.zeros_like(E)  # (30, 12)\n"
                        "    dE.index_add_(0, tokens.flatten(), de.flatten(0, 1))\n"
                    ),
                    (
                        "    words = torch.arange(len(E))  # (30,)\n"
                        "    counts = (tokens.unsqueeze(-1) == words).sum(dim=1)  # (6, 30)\n"
                        "    dE = counts.T.to(E.dtype) @ dh / L  # (30, 12)\n"
                    ),
                ),
            ),
        ),
        Edit(
            "token by token, last position first",
            (
                (
                    "    de = (dh / L).unsqueeze(1).expand(-1, L, -1)  # (6, 9, 12)\n",
                    "    de = dh / L  # (6, 12)\n",
                ),
                (
                    "    dE.index_add_(0, tokens.flatten(), de.flatten(0, 1))\n",
                    (
                        "    for i in range(len(tokens)):\n"
                        "        for j in reversed(range(L)):\n"
                        "            dE[tokens[i, j]] += de[i]\n"
                    ),
                ),
            ),
        ),
        Edit(
            "index_put with accumulate",
            (
                (
                    "dE.index_add_(0, tokens.flatten(), de.flatten(0, 1))",
                    "dE.index_put_((tokens,), de, accumulate=True)",
                ),
                ("dout.T @ h", 'torch.einsum("no,ni->oi", dout, h)'),
            ),
        ),
        Edit(
            "W from the sum of the embeddings",
            (
                ("E[tokens].mean(dim=1)", "E[tokens].sum(dim=1)"),
                ("dout.T @ h", "dout.T @ h / L"),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "repeated tokens overwrite",
            (("dE.index_add_(0, tokens.flatten(), de.flatten(0, 1))", "dE[tokens] += de"),),
            "missing",
        ),
        Edit("sum for mean in dE", (("(dh / L)", "dh"),), "factor"),
        Edit("divided by the number of bags", (("(dh / L)", "(dh / len(tokens))"),), "factor"),
        Edit(
            "sum of the embeddings in dW",
            (("E[tokens].mean(dim=1)", "E[tokens].sum(dim=1)"),),
            "factor",
        ),
        Edit(
            "tokens off by one",
            (("tokens.flatten()", "(tokens.flatten() + 1) % len(E)"),),
            "shifted",
        ),
        Edit(
            "first word taken as padding",
            (("    return {", "    dE[0] = 0\n    return {"),),
            "confined",
        ),
        Edit(
            "last position left out",
            (
                ("tokens.flatten()", "tokens[:, :-1].flatten()"),
                ("de.flatten(0, 1)", "de[:, :-1].flatten(0, 1)"),
            ),
            "missing|confined",
        ),
        Edit(
            "tokens read by position, gradients by bag",
            (("tokens.flatten()", "tokens.T.flatten()"),),
            "operation",
        ),
        Edit(
            "first embedding for the mean in dW",
            (("E[tokens].mean(dim=1)", "E[tokens[:, 0]]"),),
            "operation",
        ),
        Edit(
            "maximum for mean in dW",
            (("E[tokens].mean(dim=1)", "E[tokens].amax(dim=1)"),),
            "operation",
        ),
        Edit(
            "embeddings frozen",
            (("    return {", "    dE = torch.zeros_like(E)\n    return {"),),
            "zero",
        ),
        Edit(
            "columns of dE reversed", (("dh = dout @ W", "dh = (dout @ W).flip(1)"),), "transposed"
        ),
        Edit(
            "E accumulated between calls",
            (
                ("import Tensor\n", "import Tensor\n\nTOTALS: dict[torch.dtype, Tensor] = {}\n"),
                (
                    "    return {",
                    "    dE = TOTALS[E.dtype] = TOTALS.get(E.dtype, 0) + dE\n    return {",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "bfloat16 table for dE",
            (
                ("torch.zeros_like(E)", "torch.zeros_like(E, dtype=torch.bfloat16)"),
                ("de.flatten(0, 1))", "de.flatten(0, 1).bfloat16())\n    dE = dE.to(E.dtype)"),
            ),
            "precision",
        ),
        Edit(
            "bags' means in float32",
            (("E[tokens].mean(dim=1)", "E.float()[tokens].mean(dim=1).to(E.dtype)"),),
            "precision",
        ),
    ),
)
