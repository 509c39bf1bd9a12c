"""Judge a gradient: references, rounding noise, errors in units of it, verdicts, acceptance.

The mistake in a wrong gradient is searched for in `diagnosis`.
"""
