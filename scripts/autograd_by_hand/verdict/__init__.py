"""Is it right: references, rounding noise, errors in units of it, verdicts and acceptance.

Which mistake it is belongs to `diagnosis`.
"""
