"""Reports: templates, translation, pages and pictures.

No fact about a gradient is computed here.
"""
