"""Errors, messages, files and progress: what every other package may need.

Nothing here knows what a gradient, a tensor or an experiment is.
"""
