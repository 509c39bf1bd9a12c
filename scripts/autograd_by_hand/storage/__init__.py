"""Files of tensors and tables: safetensors for numpy and for torch, errors.csv, manifest.json.

What the numbers mean does not belong here: the packages that measure them define it.
"""
