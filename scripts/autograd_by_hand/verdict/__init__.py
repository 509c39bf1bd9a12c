"""Is it right? References, rounding noise, errors in units of it, verdicts and acceptance.

Which mistake a wrong gradient has belongs to `diagnosis`.
"""
