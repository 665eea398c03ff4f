"""The global state of the process: preserved around foreign code, and as usual for networks."""

from __future__ import annotations

from methods.global_state.contexts import (
    preserved_global_state,
    seed_generators,
    usual_numerics,
)

__all__ = ["preserved_global_state", "seed_generators", "usual_numerics"]
