"""Run stages under Snakemake: receipts, locks, code fingerprints, clusters and the terminal.

Only stages and the Snakefile import this package; it does not compute gradients.
"""
