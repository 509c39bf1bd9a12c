"""Archives of experiments: packed reproducibly, read as untrusted, and compared.

Only stages and commands import this package. The replay that verifies an archive belongs to
`replay`.
"""
