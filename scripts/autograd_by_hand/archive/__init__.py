"""Archives of experiments: packed canonically, read as untrusted, checked and compared.

The replay that verifies their results belongs to `replay`.
"""
