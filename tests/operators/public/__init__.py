"""Gradients as public projects compute them, written anew from the mathematics."""
