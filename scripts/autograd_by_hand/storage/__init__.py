"""Files of tensors and tables: safetensors for numpy and for torch, errors.csv, manifest.json.

The packages that measure the numbers define their meaning.
"""
