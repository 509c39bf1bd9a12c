"""Where every bit comes from: operations are recorded, replayed in numpy and compared.

What makes two programs differ is attributed here; whether a gradient is right belongs to `verdict`.
"""
