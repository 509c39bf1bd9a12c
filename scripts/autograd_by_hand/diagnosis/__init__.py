"""Identify a mistake by patterns in the values, or by single edits to backward or to forward.

Whether a gradient is wrong at all belongs to `verdict`.
"""
