"""Which gradients are compared with which, and by what: the names and the order of errors.csv."""

COMPARISONS = (
    "manual_vs_autograd",
    "reordered_vs_autograd",
    "manual_vs_reference",
    "autograd_vs_reference",
)
MEASURES = ("max_abs", "max_ulp", "rel_norm")
