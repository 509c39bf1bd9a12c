"""How sums are added: orders are revealed, confirmed, described, and added again in numpy.

Which sums an experiment makes, and what follows from their order, belongs to `replay`.
"""
