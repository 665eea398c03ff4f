"""A second implementation of the metrics, of one set of images at a time, in PyTorch.

Tests compare the suite's families with it, on resamples as images that are repeated. It shares
nothing with them: it has no weights, and it sums over distinct scores and over bins.
"""

from __future__ import annotations
