"""Errors, messages, files and progress, which every other package may use.

Nothing here knows of gradients, tensors or experiments.
"""
