"""The article's count plot for any image: how many members vote for each class."""

from benchmarks.epistemic_check.check import epistemic_check

__all__ = ["epistemic_check"]
