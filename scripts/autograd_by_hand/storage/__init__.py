"""Files of tensors and tables: safetensors for numpy and for torch, and errors.csv.

What the numbers mean belongs elsewhere.
"""
