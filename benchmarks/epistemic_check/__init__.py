"""The article's count plot for any image: how many members vote for each class."""

from __future__ import annotations

from typing import Any

__all__ = ["epistemic_check"]


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: the command must be ready for Ctrl-C before that."""
    if name != "epistemic_check":
        raise AttributeError(name)
    from benchmarks.epistemic_check.check import epistemic_check

    return epistemic_check
