"""Errors, messages, files and progress: what every other package needs and nothing of gradients."""
