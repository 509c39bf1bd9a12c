"""What the reader sees: templates, translation, pages and pictures.

Computes nothing about gradients.
"""
