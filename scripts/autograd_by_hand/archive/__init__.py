"""Pack experiments into reproducible archives, read untrusted ones, and compare experiments.

Only stages and commands import this package. The replay that verifies an archive belongs to
`replay`.
"""
