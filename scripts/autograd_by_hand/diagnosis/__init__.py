"""Which mistake it is: patterns in the values, and single changes to backward or to forward.

That a gradient is wrong is judged by `verdict`.
"""
