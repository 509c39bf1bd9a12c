"""Where every bit comes from: operations are recorded, replayed in numpy, and compared.

The differences between two programs are attributed here; whether a gradient is right is not asked.
"""
