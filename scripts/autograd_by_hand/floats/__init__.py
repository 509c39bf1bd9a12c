"""Floating-point numbers in numpy: formats, rounding, ulps, bits and fused multiply-adds.

Nothing here imports torch. Sums and the order in which they add belong to `summation`.
"""
