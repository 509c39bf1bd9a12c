"""Summation orders: reveal and confirm them, describe them, and add in them in numpy.

Which sums an experiment contains, and what follows from their order, belongs to `replay`.
"""
