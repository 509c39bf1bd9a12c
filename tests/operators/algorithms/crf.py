"""The loss of a linear-chain conditional random field."""

from tests.operators.case import Edit, Operator

BODY = """\
    alpha, beta = [e[:, 0]], [torch.zeros_like(e[:, 0])]  # (2, 3) each
    for t in range(1, T):
        alpha.append(torch.logsumexp(alpha[-1][:, :, None] + W, dim=1) + e[:, t])
    for t in reversed(range(1, T)):
        beta.append(torch.logsumexp(W + (e[:, t] + beta[-1])[:, None, :], dim=2))
    a, b = torch.stack(alpha, dim=1), torch.stack(beta[::-1], dim=1)  # (2, 5, 3) each
    logz = torch.logsumexp(a[:, -1], dim=1)[:, None, None]  # (2, 1, 1)
    p = torch.exp(a + b - logz)  # (2, 5, 3)
    after = (e + b)[:, 1:, None, :]  # (2, 4, 1, 3)
    pairs = torch.exp(a[:, :-1, :, None] + W + after - logz[..., None])  # (2, 4, 3, 3)
"""
REST = """\
    hot = one_hot(tags, 3).to(e.dtype)  # (2, 5, 3)
    seen = hot[:, :-1, :, None] * hot[:, 1:, None, :]  # (2, 4, 3, 3)
    return {"e": (p - hot) / N, "W": (pairs - seen).sum(dim=(0, 1)) / N}
"""

OPERATOR = Operator(
    name="crf",
    tensors={
        "e": {"shape": [2, 5, 3], "draw": "randn", "requires_grad": True},
        "W": {"shape": [3, 3], "draw": "randn", "requires_grad": True},
        "tags": {"shape": [2, 5], "draw": "randint", "high": 3},
    },
    forward='''\
"""The mean of log Z less the score of the tags: emissions e and transitions W, from row to column."""

import torch
from torch import Tensor


def forward(e: Tensor, W: Tensor, tags: Tensor) -> Tensor:
    alpha = e[:, 0]  # (2, 3)
    for t in range(1, e.shape[1]):
        alpha = torch.logsumexp(alpha[:, :, None] + W, dim=1) + e[:, t]
    emitted = e.gather(2, tags[:, :, None]).sum(dim=(1, 2))  # (2,)
    passed = W[tags[:, :-1], tags[:, 1:]].sum(dim=1)  # (2,)
    return (torch.logsumexp(alpha, dim=1) - emitted - passed).mean()
''',
    backward='''\
"""The gradient of forward.py: the marginals by the forward-backward algorithm, less what is seen."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def backward(e: Tensor, W: Tensor, tags: Tensor) -> dict[str, Tensor]:
    N, T = tags.shape  # 2, 5
'''
    + BODY
    + REST,
    variants=(
        Edit(
            "reverse mode through the forward variables",
            (
                (
                    BODY + REST,
                    """\
    alpha, share = e[:, 0], []  # (2, 3)
    for t in range(1, T):
        s = alpha[:, :, None] + W  # (2, 3, 3)
        share.append(torch.softmax(s, dim=1))
        alpha = torch.logsumexp(s, dim=1) + e[:, t]
    de, dW = torch.empty_like(e), torch.zeros_like(W)
    dalpha = torch.softmax(alpha, dim=1) / N  # (2, 3)
    for t in reversed(range(1, T)):
        de[:, t] = dalpha
        ds = share[t - 1] * dalpha[:, None, :]  # (2, 3, 3)
        dW += ds.sum(dim=0)
        dalpha = ds.sum(dim=2)
    de[:, 0] = dalpha
    one = torch.full(tags.shape, -1 / N, dtype=e.dtype)  # (2, 5)
    de.scatter_add_(2, tags[:, :, None], one[:, :, None])
    dW.index_put_((tags[:, :-1], tags[:, 1:]), one[:, 1:], accumulate=True)
    return {"e": de, "W": dW}
""",
                ),
                ("from torch.nn.functional import one_hot\n", ""),
            ),
        ),
        Edit(
            "every path of tags",
            (
                (
                    BODY,
                    """\
    paths = torch.cartesian_prod(*[torch.arange(3)] * T)  # (243, 5)
    hots = one_hot(paths, 3).to(e.dtype)  # (243, 5, 3)
    passes = hots[:, :-1, :, None] * hots[:, 1:, None, :]  # (243, 4, 3, 3)
    score = torch.einsum("ntk,mtk->nm", e, hots) + torch.einsum("mtkl,kl->m", passes, W)
    q = torch.softmax(score, dim=1)  # (2, 243)
    p = torch.einsum("nm,mtk->ntk", q, hots)  # (2, 5, 3)
    pairs = torch.einsum("nm,mtkl->ntkl", q, passes)  # (2, 4, 3, 3)
""",
                ),
            ),
        ),
        Edit(
            "products of the steps' matrices from both ends",
            (
                (
                    BODY,
                    """\
    def times(A: Tensor, B: Tensor) -> Tensor:
        return torch.logsumexp(A[..., :, :, None] + B[..., None, :, :], dim=-2)  # (2, 3, 3)

    M = [W + e[:, t, None, :] for t in range(1, T)]  # (2, 3, 3) each
    first = e[:, 0, None, :]  # (2, 1, 3)
    before, after = [first], [torch.zeros_like(first).transpose(1, 2)]
    for one in M:
        before.append(times(before[-1], one))
    for one in M[::-1]:
        after.append(times(one, after[-1]))
    after = after[::-1]
    p = torch.stack(
        [torch.softmax(l[:, 0] + r[:, :, 0], dim=1) for l, r in zip(before, after, strict=True)],
        dim=1,
    )  # (2, 5, 3)
    joint = [before[t].transpose(1, 2) + M[t] + after[t + 1].transpose(1, 2) for t in range(T - 1)]
    pairs = torch.stack(joint, dim=1).flatten(2).softmax(dim=2).unflatten(2, (3, 3))
""",
                ),
            ),
        ),
        Edit(
            "filter forwards, smoother backwards",
            (
                (
                    BODY,
                    """\
    logf = [torch.log_softmax(e[:, 0], dim=1)]  # (2, 3) each, normalised at each step
    for t in range(1, T):
        ahead = torch.logsumexp(logf[-1][:, :, None] + W, dim=1)
        logf.append(torch.log_softmax(ahead + e[:, t], dim=1))
    p = [logf[-1].exp()]
    pairs = []
    for t in reversed(range(T - 1)):
        back = torch.softmax(logf[t][:, :, None] + W, dim=1)  # (2, 3, 3): of the state before
        pairs.append(back * p[-1][:, None, :])
        p.append(pairs[-1].sum(dim=2))
    p, pairs = torch.stack(p[::-1], dim=1), torch.stack(pairs[::-1], dim=1)
""",
                ),
            ),
        ),
        Edit(
            "expected counts carried along with the forward variables",
            (
                (
                    BODY,
                    """\
    alpha = e[:, 0]  # (2, 3)
    hot = torch.eye(3, dtype=e.dtype)
    ce, cW = torch.zeros(N, T, 3, 3, dtype=e.dtype), torch.zeros(N, T - 1, 3, 3, 3, dtype=e.dtype)
    ce[:, 0] = hot  # (2, 5, 3, 3): of the emissions, given the state in the last axis
    for t in range(1, T):
        s = alpha[:, :, None] + W  # (2, 3, 3)
        back = torch.softmax(s, dim=1)
        ce = torch.einsum("ntki,nij->ntkj", ce, back)
        cW = torch.einsum("ntkli,nij->ntklj", cW, back)
        ce[:, t] += hot
        cW[:, t - 1] += torch.einsum("nkl,lj->nklj", back, hot)
        alpha = torch.logsumexp(s, dim=1) + e[:, t]
    last = torch.softmax(alpha, dim=1)  # (2, 3)
    p = torch.einsum("ntkj,nj->ntk", ce, last)  # (2, 5, 3)
    pairs = torch.einsum("ntklj,nj->ntkl", cW, last)  # (2, 4, 3, 3)
""",
                ),
            ),
        ),
        Edit(
            "pairs by a softmax, tags' marginals from them",
            (
                (
                    "    p = torch.exp(a + b - logz)  # (2, 5, 3)\n",
                    "",
                ),
                (
                    "    logz = torch.logsumexp(a[:, -1], dim=1)[:, None, None]  # (2, 1, 1)\n",
                    "",
                ),
                (
                    """\
    pairs = torch.exp(a[:, :-1, :, None] + W + after - logz[..., None])  # (2, 4, 3, 3)
""",
                    """\
    joint = a[:, :-1, :, None] + W + after  # (2, 4, 3, 3)
    pairs = joint.flatten(2).softmax(dim=2).view_as(joint)
    p = torch.cat((pairs.sum(dim=3), pairs[:, -1:].sum(dim=2)), dim=1)  # (2, 5, 3)
""",
                ),
            ),
        ),
        Edit(
            "numpy's logaddexp, sentence by sentence",
            (
                (
                    BODY + REST,
                    """\
    dtype, wide = e.dtype, torch.promote_types(e.dtype, torch.float32)
    e, W = e.detach().to(wide).numpy(), W.detach().to(wide).numpy()
    de, dW = np.zeros_like(e), np.zeros_like(W)
    for n, tag in enumerate(tags.tolist()):
        a, b = np.zeros_like(e[n]), np.zeros_like(e[n])  # (5, 3) each
        a[0] = e[n, 0]
        for t in range(1, T):
            a[t] = np.logaddexp.reduce(a[t - 1, :, None] + W, axis=0) + e[n, t]
        for t in reversed(range(T - 1)):
            b[t] = np.logaddexp.reduce(W + e[n, t + 1] + b[t + 1], axis=1)
        logz = np.logaddexp.reduce(a[-1])
        de[n] = np.exp(a + b - logz)
        de[n, np.arange(T), tag] -= 1
        for t in range(1, T):
            dW += np.exp(a[t - 1, :, None] + W + e[n, t] + b[t] - logz)
            dW[tag[t - 1], tag[t]] -= 1
    return {"e": torch.from_numpy(de / N).to(dtype), "W": torch.from_numpy(dW / N).to(dtype)}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
                ("from torch.nn.functional import one_hot\n", ""),
            ),
        ),
    ),
)
