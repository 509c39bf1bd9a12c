"""The glue to torch's dispatcher: its operations by name, as numpy's views, and decomposed.

What an operation means for a gradient belongs to the packages above.
"""
