"""Figures of the curves of every replicate."""
