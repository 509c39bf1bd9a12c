"""What the author wrote: the config, the inputs, forward.py and backward.py, read and called.

Whether the gradient is right belongs to `verdict`.
"""
