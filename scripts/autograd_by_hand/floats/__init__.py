"""What a floating-point number is: formats, rounding, ulps, bits and fused multiply-adds, in numpy.

Nothing here knows torch, a tensor's name or an experiment.
"""
