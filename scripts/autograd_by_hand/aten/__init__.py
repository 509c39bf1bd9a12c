"""The link to torch's dispatcher: ATen operations by name, as numpy views, and decomposed.

`replay` records which operations compute a gradient; `summation` finds in which order a sum adds.
"""
