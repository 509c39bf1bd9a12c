"""Real spherical harmonics up to degree 3 of vectors of any length, as a library for atoms has them.

Forward normalises the vectors and evaluates the polynomials of e3nn's kind, each by its formula.
Backward takes the recursions of the solid harmonics: with the associated Legendre polynomials
without their factor sin^m, Q_l^m(z), and c_m + i s_m = (x + i y)^m, the harmonics are F_l^m Q_l^m c_m
and F_l^m Q_l^m s_m, and the derivatives by x, y and z are polynomials of the same kinds, one degree
lower. It rounds at other places than forward.
"""

from dataclasses import replace

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="spherical_harmonics",
    tensors={"r": {"shape": [20, 3], "draw": "randn", "requires_grad": True}},
    forward="""\
import torch
from math import pi, sqrt


def forward(r):
    x, y, z = (r / r.norm(dim=-1, keepdim=True)).unbind(-1)
    xx, yy, zz = x * x, y * y, z * z
    degrees = [
        torch.full_like(x, sqrt(1 / (4 * pi))),
        sqrt(3 / (4 * pi)) * y,
        sqrt(3 / (4 * pi)) * z,
        sqrt(3 / (4 * pi)) * x,
        sqrt(15 / (4 * pi)) * x * y,
        sqrt(15 / (4 * pi)) * y * z,
        sqrt(5 / (16 * pi)) * (3 * zz - 1),
        sqrt(15 / (4 * pi)) * x * z,
        sqrt(15 / (16 * pi)) * (xx - yy),
        sqrt(35 / (32 * pi)) * y * (3 * xx - yy),
        sqrt(105 / (4 * pi)) * x * y * z,
        sqrt(21 / (32 * pi)) * y * (5 * zz - 1),
        sqrt(7 / (16 * pi)) * z * (5 * zz - 3),
        sqrt(21 / (32 * pi)) * x * (5 * zz - 1),
        sqrt(105 / (16 * pi)) * z * (xx - yy),
        sqrt(35 / (32 * pi)) * x * (xx - 3 * yy),
    ]
    return torch.stack(degrees, -1)  # (20, 16)
""",
    backward="""\
import torch
from math import factorial, pi, sqrt

DEGREE = 3


def backward(r, dout):
    length = r.norm(dim=-1, keepdim=True)
    unit = r / length
    x, y, z = unit.unbind(-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    c, s = [one], [zero]  # the real and the imaginary part of (x + i y)^m
    for m in range(DEGREE):
        c, s = c + [x * c[m] - y * s[m]], s + [x * s[m] + y * c[m]]
    rr = x * x + y * y + z * z
    Q = {(l, m): zero for l in range(-1, DEGREE + 1) for m in range(DEGREE + 2)}
    double = 1.0
    for m in range(DEGREE + 1):
        Q[m, m] = double * one
        double *= 2 * m + 1
        for l in range(m + 1, DEGREE + 1):
            older = (l + m - 1) * rr * Q[l - 2, m] if l - 2 >= m else zero
            Q[l, m] = ((2 * l - 1) * z * Q[l - 1, m] - older) / (l - m)
    dunit = torch.zeros_like(r)
    for l in range(DEGREE + 1):
        for m in range(l + 1):
            F = sqrt((2 * l + 1) / (4 * pi) * factorial(l - m) / factorial(l + m))
            F *= sqrt(2) if m else 1
            # of the solid harmonic, whose degree is l in x, y and z together
            dQ_x, dQ_y, dQ_z = x * Q[l - 1, m + 1], y * Q[l - 1, m + 1], (l + m) * Q[l - 1, m]
            for sign, part, other in ((1, c, s), (-1, s, c)):
                if m == 0 and sign < 0:
                    continue
                d = F * dout[:, l * l + l + sign * m]
                below = m * (part[m - 1] if m else zero)
                aside = -sign * m * (other[m - 1] if m else zero)
                dunit[:, 0] += d * (-dQ_x * part[m] + Q[l, m] * below)
                dunit[:, 1] += d * (-dQ_y * part[m] + Q[l, m] * aside)
                dunit[:, 2] += d * dQ_z * part[m]
    dr = (dunit - unit * (unit * dunit).sum(-1, keepdim=True)) / length
    return {"r": dr}
""",
    mistakes=(
        Edit(
            "the gradient by the unit vector taken for that by the vector",
            (("(dunit - unit * (unit * dunit).sum(-1, keepdim=True)) / length", "dunit / length"),),
            "missing",
        ),
    ),
)

# Through the angles a gradient is divided by the distance from the axis, and loses digits there.
NEAR_A_POLE = replace(
    OPERATOR,
    name="spherical_harmonics_by_angles",
    tensors={"r": {"from": "inputs.py", "requires_grad": True}},
    files={
        "inputs.py": """\
import torch


def inputs(generator):
    r = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    r[7] = torch.tensor([0.03, -0.02, 1.7])
    return {"r": r}
"""
    },
    backward=Edit(
        "by angles",
        (
            (
                "    dunit = torch.zeros_like(r)\n",
                """\
    sine = (1 - z * z).sqrt()
    dtheta, dphi = torch.zeros_like(z), torch.zeros_like(z)
""",
            ),
            (
                """\
            dQ_x, dQ_y, dQ_z = x * Q[l - 1, m + 1], y * Q[l - 1, m + 1], (l + m) * Q[l - 1, m]
""",
                """\
            slope = (l + m) * Q[l - 1, m] - z * (l - m) * Q[l, m]  # (1 - z^2) times that by z
""",
            ),
            (
                """\
                below = m * (part[m - 1] if m else zero)
                aside = -sign * m * (other[m - 1] if m else zero)
                dunit[:, 0] += d * (-dQ_x * part[m] + Q[l, m] * below)
                dunit[:, 1] += d * (-dQ_y * part[m] + Q[l, m] * aside)
                dunit[:, 2] += d * dQ_z * part[m]
    dr = (dunit - unit * (unit * dunit).sum(-1, keepdim=True)) / length
""",
                """\
                dtheta += d * (m * z * Q[l, m] - slope) / sine * part[m]
                dphi += d * -sign * m * Q[l, m] * other[m]
    south = torch.stack([x * z / sine, y * z / sine, -sine], -1)
    east = torch.stack([-y, x, zero], -1) / sine[:, None]
    dr = (south * dtheta[:, None] + east * (dphi / sine)[:, None]) / length
""",
            ),
        ),
    ).apply(OPERATOR.backward),
    mistakes=(),
)
