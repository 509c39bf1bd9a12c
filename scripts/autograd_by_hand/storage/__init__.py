"""Files of tensors and tables: safetensors for numpy and for torch, errors.csv, manifest.json.

What the numbers in them mean belongs to the packages that measure them.
"""
