"""Read the author's config, draw the inputs, and load and call forward.py and backward.py.

Whether the gradient is right belongs to `verdict`.
"""
