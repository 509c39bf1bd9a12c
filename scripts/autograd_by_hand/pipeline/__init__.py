"""What Snakemake needs: how stages run, receipts, locks, fingerprints of code, cluster and screen.

Only stages and the Snakefile import this package; it computes nothing about gradients.
"""
