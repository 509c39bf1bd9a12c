"""What Snakemake needs: stages, receipts, locks, fingerprints of code, the cluster, the screen.

Stages and the Snakefile import it; no other package does.
"""
