"""What the author wrote: config, inputs, forward.py and backward.py, loaded, checked and called.

Whether the gradient is right belongs to `verdict`.
"""
