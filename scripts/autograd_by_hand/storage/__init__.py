"""Files of tensors and tables: safetensors for numpy and for torch, and errors.csv.

What the numbers in them mean belongs to the packages that measure them.
"""
