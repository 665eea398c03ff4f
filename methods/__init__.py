"""The register: every method by its name, and how it is built.

Adding a method is one file and one line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from methods.deep_ensemble import DeepEnsemble
from methods.interface import Prediction, UncertaintyMethod
from methods.mc_dropout import MCDropout
from methods.mc_dropout_exact import MCDropoutExact
from methods.networks.pool import NetworkPool
from methods.networks.recipes import Recipe
from methods.pooled import MemberMethod, PooledMethod
from methods.seeds import derive_seed
from methods.softmax import Softmax

__all__ = [
    "METHODS",
    "Entry",
    "MemberMethod",
    "PooledMethod",
    "Prediction",
    "UncertaintyMethod",
]


@dataclass(frozen=True)
class Entry:
    """A line of the register: a method's class and what the benchmark must know to build it.

    Attributes:
        method: the class.
        size: which of its keyword arguments is the number of its members, if any.
        needs_dropout: whether its networks must have been trained with dropout.
        exact: whether it has no Monte-Carlo error that replicates could show, and is too slow for
            more than a few images; it is evaluated once, and only on the subset conditions.
    """

    method: type[UncertaintyMethod]
    size: Literal["passes", "members"] | None = None
    needs_dropout: bool = False
    exact: bool = False

    @property
    def pooled(self) -> bool:
        """Whether its networks come from the pool; else it trains itself, in its own way."""
        return issubclass(self.method, PooledMethod)

    def build(
        self, pool: NetworkPool, replicate: int = 0, size: int | None = None
    ) -> UncertaintyMethod:
        """One replicate of the method, not fitted yet; ``size``: how many members it is to have."""
        options: dict[str, Any] = {self.size: size} if self.size else {}
        if self.pooled:
            options |= {"seed": pool.seed, "pool": pool, "replicate": replicate}
        else:
            options |= {"seed": derive_seed(self.method.name, pool.seed, replicate)}
        return self.method(device=pool.engine.device, **options)

    def objection(self, recipe: Recipe) -> str | None:
        """Why the method is not applicable to networks of this recipe; ``None`` if it is."""
        if self.needs_dropout and recipe.dropout == 0:
            return f"the recipe {recipe.name!r} trains without dropout, so no pass would differ"
        return None


METHODS = {
    entry.method.name: entry
    for entry in (
        Entry(Softmax),
        Entry(MCDropout, size="passes", needs_dropout=True),
        Entry(MCDropoutExact, needs_dropout=True, exact=True),
        Entry(DeepEnsemble, size="members"),
    )
}
