"""Which mistake it is: patterns in the values, and single edits to backward or to forward.

Whether a gradient is wrong at all belongs to `verdict`.
"""
