"""The link to torch's dispatcher: its operations by name, as views in numpy, and decomposed.

Which operations a gradient is made of belongs to `replay`; what a sum adds belongs to `summation`.
"""
