"""Files of tensors and tables: safetensors for numpy and for torch, and errors.csv.

The packages that measure the numbers define their meaning.
"""
