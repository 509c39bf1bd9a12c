"""The link to torch's dispatcher: ATen operations by name, as numpy views, and decomposed.

Which operations compute a gradient is not known here: `replay` records them, and `summation` finds
in which order a sum adds.
"""
