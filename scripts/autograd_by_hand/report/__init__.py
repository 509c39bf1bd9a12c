"""What the reader sees: templates, translation, pages and pictures.

Nothing about gradients is computed here.
"""
