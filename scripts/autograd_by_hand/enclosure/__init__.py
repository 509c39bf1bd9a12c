"""Gradients with proven bounds: forward executed in ball arithmetic, and differentiated there.

A ball is a midpoint and a radius that is proven to hold the true value (FLINT's `arb`). Every rule
is written from the definition of its function and never taken from autograd. Which gradient is
judged by the result is not known here: that is `verdict`.
"""
