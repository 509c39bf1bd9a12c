"""How sums are added: the trees, how they are revealed, described, and added again in numpy.

Which operations an experiment's programs consist of belongs to `replay`.
"""
