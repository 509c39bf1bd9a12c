"""Record torch's operations, replay them in numpy and compare every bit.

The difference of two programs is attributed to its causes here; whether a gradient is right
belongs to `verdict`.
"""
