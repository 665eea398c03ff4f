"""The benchmark: evaluation of uncertainty methods, and everything that a run writes."""

from importlib.util import find_spec
from pathlib import Path

_methods = find_spec("methods")
if _methods and _methods.origin != str(Path(__file__).parents[1] / "methods" / "__init__.py"):
    raise ImportError(
        f"{_methods.origin} hides the package `methods` of uncertainty-bench; rename it, or run "
        "from another folder"
    )
