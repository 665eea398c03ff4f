"""Metrics: pure functions of tensors, independent of methods and data.

README.md compares the convention of each with those of other libraries and papers.
"""
