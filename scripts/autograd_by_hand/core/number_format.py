"""Format numbers for a reader."""

import math
from typing import Any

from autograd_by_hand.core.messages import Message


def number(value: Any, digits: int = 2) -> str:
    """A number with `digits` significant digits, and with an exponent only if it saves zeros."""
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")  # of the rounded value: 9.99 is 1.0e1
    if 1e-3 <= abs(value) < 10 ** max(digits, 5):
        decimals = max(0, digits - 1 - int(exponent))
        return f"{value:.{decimals}f}"
    return f"{mantissa}e{int(exponent)}"


def percent(share: Any, digits: int = 1) -> str:
    """A share of a whole in per cent; 100 % and 0 % are exact, values close to them say "about".

    digits: decimal places of the percentage
    """
    share = round(float(share), 12)  # shares are sums of a few dozen rounded terms
    if share in (0, 1):
        return f"{100 * int(share)} %"
    half = 0.5 * 10.0 ** (-2 - digits)
    if abs(share) < half:
        return Message("about 0 %")
    if 1 - half <= share < 1 + half:
        return Message("about 100 %")
    return f"{share * 100:.{digits}f} %"
