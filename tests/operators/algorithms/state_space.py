"""A selective state space model: a linear recurrence whose decay depends on the input."""

from tests.operators.case import Edit, Operator

STATES = """\
    h = [torch.zeros_like(u[:, 0])]  # (2, 3) each
    for t in range(T):
        h.append(a[:, t] * h[t] + u[:, t])
    H = torch.stack(h, dim=1)  # (2, 9, 3): the states before each step, and the last
"""
ADJOINT = """\
    dh = torch.zeros_like(u)  # (2, 8, 3)
    g = torch.zeros_like(u[:, 0])  # (2, 3)
    for t in reversed(range(T)):
        g = C * dout[:, t, None] + (a[:, t + 1] * g if t + 1 < T else 0)
        dh[:, t] = g
"""
REST = """\
    dC = torch.einsum("nt,nts->s", dout, H[:, 1:])  # (3,)
    du = dh  # (2, 8, 3)
    dz = dh * H[:, :-1] * a * torch.sigmoid(-z)  # (2, 8, 3), a the sigmoid of z
    return {"u": du, "z": dz, "C": dC}
"""

OPERATOR = Operator(
    name="state_space",
    tensors={
        "u": {"shape": [2, 8, 3], "draw": "randn", "requires_grad": True},
        "z": {"shape": [2, 8, 3], "draw": "randn", "requires_grad": True},
        "C": {"shape": [3], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""h_t = sigmoid(z_t) h_(t-1) + u_t for three states, read out by C."""

import torch
from torch import Tensor


def forward(u: Tensor, z: Tensor, C: Tensor) -> Tensor:
    a = torch.sigmoid(z)  # (2, 8, 3)
    h = torch.zeros_like(u[:, 0])  # (2, 3)
    out = []
    for t in range(u.shape[1]):
        h = a[:, t] * h + u[:, t]
        out.append((h * C).sum(dim=1))
    return torch.stack(out, dim=1)  # (2, 8)
''',
    backward="""\
import torch
from torch import Tensor


def backward(u: Tensor, z: Tensor, C: Tensor, dout: Tensor) -> dict[str, Tensor]:
    T = u.shape[1]  # 8
    a = torch.sigmoid(z)  # (2, 8, 3)
"""
    + STATES
    + ADJOINT
    + REST,
    variants=(
        Edit(
            "Hillis and Steele's scans both ways",
            (
                (
                    STATES,
                    """\
    H = pad(scan(a, u), (0, 0, 1, 0))  # (2, 9, 3): the states before each step, and the last
""",
                ),
                (
                    ADJOINT,
                    """\
    later = pad(a[:, 1:], (0, 0, 0, 1)).flip(1)  # (2, 8, 3), from the end
    dh = scan(later, (C * dout[:, :, None]).flip(1)).flip(1)  # (2, 8, 3)
""",
                ),
                (
                    "def backward(",
                    """\
def scan(a: Tensor, b: Tensor) -> Tensor:
    step = 1
    while step < a.shape[1]:
        b = b + a * pad(b, (0, 0, step, 0))[:, :-step]
        a = a * pad(a, (0, 0, step, 0))[:, :-step]
        step *= 2
    return b


def backward(""",
                ),
                (
                    "from torch import Tensor\n",
                    "from torch import Tensor\nfrom torch.nn.functional import pad\n",
                ),
                ("    T = u.shape[1]  # 8\n", ""),
            ),
        ),
        Edit(
            "Blelloch's recursion on halves",
            (
                (
                    STATES,
                    """\
    H = torch.cat((torch.zeros_like(u[:, :1]), scan(a, u)), dim=1)  # (2, 9, 3)
""",
                ),
                (
                    ADJOINT,
                    """\
    later = torch.cat((a[:, 1:], torch.zeros_like(a[:, :1])), dim=1).flip(1)  # (2, 8, 3)
    dh = scan(later, (C * dout[:, :, None]).flip(1)).flip(1)  # (2, 8, 3)
""",
                ),
                (
                    "def backward(",
                    """\
def scan(a: Tensor, b: Tensor) -> Tensor:
    if a.shape[1] == 1:
        return b
    pairs = scan(a[:, 1::2] * a[:, 0::2], a[:, 1::2] * b[:, 0::2] + b[:, 1::2])
    h = torch.empty_like(b)
    h[:, 0], h[:, 1::2] = b[:, 0], pairs
    h[:, 2::2] = a[:, 2::2] * pairs[:, :-1] + b[:, 2::2]
    return h


def backward(""",
                ),
                ("    T = u.shape[1]  # 8\n", ""),
            ),
        ),
        Edit(
            "the recurrence as a matrix of decays",
            (
                (
                    STATES,
                    """\
    within = torch.ones(T, T, dtype=torch.bool).tril(-1)[:, :, None]  # (8, 8, 1)
    log = torch.nn.functional.logsigmoid(z)[:, :, None, :]  # (2, 8, 1, 3)
    L = torch.where(within, log, 0).cumsum(dim=1).exp()  # (2, 8, 8, 3): from step s to step t
    L = L * (within | torch.eye(T, dtype=torch.bool)[:, :, None])
    H = torch.einsum("ntsd,nsd->ntd", L, u)  # (2, 8, 3)
    H = torch.cat((torch.zeros_like(H[:, :1]), H), dim=1)  # (2, 9, 3)
""",
                ),
                (
                    ADJOINT,
                    """\
    dh = torch.einsum("ntsd,nt,d->nsd", L, dout, C)  # (2, 8, 3)
""",
                ),
            ),
        ),
        Edit(
            "chunks of three steps with the states carried between them",
            (
                (
                    STATES,
                    """\
    h, H = torch.zeros_like(u[:, 0]), []  # (2, 3)
    for ac, uc in zip(a.split(3, dim=1), u.split(3, dim=1), strict=True):
        K = ac.shape[1]
        decay = torch.cumprod(ac, dim=1)  # (2, K, 3)
        states = decay * h[:, None]
        for s in range(K):
            ahead = torch.cat((torch.ones_like(ac[:, :1]), ac[:, s + 1 :]), dim=1)
            states[:, s:] += torch.cumprod(ahead, dim=1) * uc[:, s : s + 1]
        H.append(torch.cat((h[:, None], states[:, :-1]), dim=1))
        h = states[:, -1]
    H = torch.cat((*H, h[:, None]), dim=1)  # (2, 9, 3)
""",
                ),
            ),
        ),
        Edit(
            "states recomputed from checkpoints every four steps",
            (
                (
                    STATES + ADJOINT + REST,
                    """\
    h, saved = torch.zeros_like(u[:, 0]), []  # (2, 3)
    for t in range(T):
        if t % 4 == 0:
            saved.append(h)
        h = a[:, t] * h + u[:, t]
    du, dz, dC = torch.zeros_like(u), torch.zeros_like(z), torch.zeros_like(C)
    g = torch.zeros_like(h)
    for start in reversed(range(0, T, 4)):
        states = [saved.pop()]
        for t in range(start, start + 4):
            states.append(a[:, t] * states[-1] + u[:, t])
        for t in reversed(range(start, start + 4)):
            dC += (dout[:, t, None] * states[t - start + 1]).sum(dim=0)
            g = g + C * dout[:, t, None]
            du[:, t] = g
            dz[:, t] = g * states[t - start] * a[:, t] * (1 - a[:, t])
            g = g * a[:, t]
    return {"u": du, "z": dz, "C": dC}
""",
                ),
            ),
        ),
        Edit(
            "forward mode, input step by input step",
            (
                (
                    ADJOINT,
                    """\
    dh = torch.zeros_like(u)  # (2, 8, 3)
    for s in range(T):
        dot = torch.ones_like(u[:, 0])  # (2, 3): of the state by the input of step s
        for t in range(s, T):
            dot = dot * a[:, t] if t > s else dot
            dh[:, s] += dout[:, t, None] * C * dot
""",
                ),
            ),
        ),
        Edit(
            "system of equations by substitution from the end",
            (
                (
                    ADJOINT,
                    """\
    M = torch.eye(T, dtype=u.dtype).expand(2, 3, T, T).clone()  # (2, 3, 8, 8): M h = u
    M[..., torch.arange(1, T), torch.arange(T - 1)] = -a[:, 1:].transpose(1, 2)
    r = torch.einsum("nt,d->ndt", dout, C)  # (2, 3, 8)
    x = torch.zeros_like(r)
    for t in reversed(range(T)):
        x[..., t] = r[..., t] - (M[..., t + 1 :, t] * x[..., t + 1 :]).sum(dim=-1)
    dh = x.transpose(1, 2)  # (2, 8, 3)
""",
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                (
                    "    a = torch.sigmoid(z)  # (2, 8, 3)\n" + STATES + ADJOINT + REST,
                    """\
    dtype, wide = u.dtype, torch.promote_types(u.dtype, torch.float32)
    u, z, C, dout = (t.detach().to(wide).numpy() for t in (u, z, C, dout))
    with np.errstate(over="ignore"):
        a = 1 / (1 + np.exp(-z))  # (2, 8, 3)
        slope = a / (1 + np.exp(z))  # (2, 8, 3)
    H = np.zeros((2, T + 1, 3), u.dtype)
    for t in range(T):
        H[:, t + 1] = a[:, t] * H[:, t] + u[:, t]
    dh = dout[:, :, None] * C  # (2, 8, 3)
    for t in reversed(range(T - 1)):
        dh[:, t] += a[:, t + 1] * dh[:, t + 1]
    grads = {"u": dh, "z": dh * H[:, :-1] * slope, "C": np.einsum("nt,nts->s", dout, H[:, 1:])}
    return {name: torch.from_numpy(g).to(dtype) for name, g in grads.items()}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
            ),
        ),
    ),
)
