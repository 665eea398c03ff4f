"""Metrics: pure functions of tensors, which know neither methods nor data.

README.md compares the convention of each with those of other libraries and papers.
"""
