"""Floating-point numbers: formats, rounding, ulps, bits and fused multiply-adds, in numpy.

Nothing here imports torch. How many numbers are added, and in which order, belongs to `summation`.
"""
