"""Judge a gradient: references, rounding noise, errors in units of it, verdicts, acceptance.

The search for the mistake in a wrong gradient is not here but in `diagnosis`.
"""
