"""Hypothesis draws the same examples in every run, however slow the machine is."""

from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("reproducible")
