"""The names of the comparisons and of the measures, in the order of errors.csv."""

COMPARISONS = (
    "manual_vs_autograd",
    "reordered_vs_autograd",
    "manual_vs_reference",
    "autograd_vs_reference",
)
MEASURES = ("max_abs", "max_ulp", "rel_norm")
