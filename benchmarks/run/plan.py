"""What a run computes, as follows from its configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from benchmarks.compared_sizes import compared_sizes
from benchmarks.predictions import RunUnit
from benchmarks.run.configuration import Configuration
from benchmarks.tasks.conditions import CONDITIONS, SUBSET_CONDITIONS, Condition
from benchmarks.vocabulary import SELF_TRAINED, SUBSET
from methods import UncertaintyMethod
from methods.engines.base import Engine
from methods.engines.choice import choose_engine
from methods.networks.pool import NetworkPool
from methods.networks.recipes import STANDARD
from methods.networks.store import NetworkStore
from methods.pooled import PooledMethod


@dataclass(frozen=True)
class Plan:
    """What a run computes: its run units, their methods, networks and conditions.

    It knows no folder and loads no image, and is small enough to be sent to any worker.

    Attributes:
        configuration: what the user chose.
    """

    configuration: Configuration

    @property
    def engine(self) -> Engine:
        """What trains the networks and evaluates them."""
        return choose_engine(self.configuration.engine, self.configuration.device)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions evaluated, `clean` first; their subsets last, if a method is exact."""
        chosen = tuple(CONDITIONS[name] for name in self.configuration.conditions)
        if not any(entry.exact for entry in self.configuration.entries.values()):
            return chosen
        names = {f"{SUBSET}{condition.name}" for condition in chosen}
        return chosen + tuple(
            condition for condition in SUBSET_CONDITIONS if condition.name in names
        )

    @property
    def whole_conditions(self) -> tuple[Condition, ...]:
        """The conditions without the subsets."""
        return tuple(condition for condition in self.conditions if not condition.subset)

    def conditions_of(self, unit: RunUnit) -> tuple[Condition, ...]:
        """The conditions under which the unit's method is evaluated; references come first.

        An exact method is evaluated on the subsets alone; beside it, so are the other methods of
        its recipe, and those that train themselves.
        """
        if self.configuration.entries[unit.method].exact:
            return tuple(c for c in self.conditions if c.subset)
        subsets_too = unit.recipe == SELF_TRAINED or self._in_depth(unit.recipe)
        return self.conditions if subsets_too else self.whole_conditions

    @property
    def recipes_compared(self) -> tuple[str, ...]:
        """The recipes whose methods are compared; methods that train themselves are in each."""
        pooled = any(entry.pooled for entry in self.configuration.entries.values())
        return tuple(sorted(self.configuration.recipes)) if pooled else (SELF_TRAINED,)

    @property
    def in_threads(self) -> bool:
        """Whether networks are trained and evaluated in parallel threads: with the kernels only.

        PyTorch gets processes, since its training holds Python's lock most of the time.
        """
        return self.configuration.engine == "numba"

    def fits_threads(self, unit: RunUnit) -> bool:
        """Whether the unit may be predicted in a thread; custom methods may change global state."""
        return self.in_threads and self.configuration.entries[unit.method].pooled

    def pool(self, recipe: str, store: NetworkStore | None = None) -> NetworkPool:
        """The networks of a recipe; without a store they are in memory only."""
        return NetworkPool(
            recipe=STANDARD if recipe == SELF_TRAINED else self.configuration.recipe(recipe),
            seed=self.configuration.seed,
            engine=self.engine,
            store=store,
        )

    def method(self, unit: RunUnit, store: NetworkStore | None = None) -> UncertaintyMethod:
        """The unit's method, not fitted yet."""
        entry = self.configuration.entries[unit.method]
        return entry.build(self.pool(unit.recipe, store), unit.replicate, unit.size)

    def units(self) -> list[RunUnit]:
        """Every replicate of every method, size and recipe, in the order of the configuration."""
        return [
            RunUnit(recipe, name, size, replicate)
            for name, entry in self.configuration.entries.items()
            for recipe in (self.configuration.recipes if entry.pooled else (SELF_TRAINED,))
            if not entry.exact or self._in_depth(recipe)
            for size in self._sizes(name, recipe)
            for replicate in range(self._replicates(name, size))
        ]

    def groups(self) -> list[tuple[RunUnit, ...]]:
        """Run units whose members are among those of the largest, which comes first.

        Each member predicts once for its whole group: fewer passes are the first of more, and the
        networks of a smaller ensemble are some of the largest one's.
        """
        groups: dict[RunUnit, list[RunUnit]] = {}
        for unit in self.units():
            groups.setdefault(self._largest(unit), []).append(unit)
        return [
            (largest, *(unit for unit in group if unit != largest))
            for largest, group in groups.items()
        ]

    def is_compared(self, unit: RunUnit) -> bool:
        """Whether methods are compared at the unit's size; see `benchmarks.compared_sizes`."""
        return unit.size is None or unit.size in self._compared_sizes[unit.method]

    def objection(self, unit: RunUnit) -> str | None:
        """Why the unit's method is not applicable to its recipe; ``None`` if it is."""
        entry = self.configuration.entries[unit.method]
        return entry.objection(self.pool(unit.recipe).recipe) if entry.pooled else None

    def networks(self) -> list[tuple[str, int]]:
        """The networks that the run units need: pairs (recipe, number), each once."""
        needed = {
            (unit.recipe, number)
            for unit in self.units()
            if self.configuration.entries[unit.method].pooled and self.objection(unit) is None
            for number in cast(PooledMethod, self.method(unit)).networks
        }
        return sorted(needed, key=lambda pair: (self.configuration.recipes.index(pair[0]), pair[1]))

    def images_of(self, condition: Condition) -> int | None:
        """How many images of a condition are evaluated; ``None``: all."""
        chosen = self.configuration
        return chosen.subset_images if condition.subset else chosen.images

    def _largest(self, unit: RunUnit) -> RunUnit:
        entry = self.configuration.entries[unit.method]
        sizes = self.configuration.sizes(entry)
        if not sizes:
            return unit
        replicate = 0 if entry.size == "members" else unit.replicate
        return replace(unit, size=max(sizes), replicate=replicate)

    def _sizes(self, method: str, recipe: str) -> tuple[int | None, ...]:
        sizes = self.configuration.sizes(self.configuration.entries[method])
        if not sizes or self._in_depth(recipe):
            return sizes or (None,)
        return self._compared_sizes[method]

    def _in_depth(self, recipe: str) -> bool:
        chosen = self.configuration
        return recipe in (set(chosen.in_depth).intersection(chosen.recipes) or chosen.recipes)

    @property
    def _compared_sizes(self) -> dict[str, tuple[int, ...]]:
        chosen = self.configuration
        return compared_sizes({name: chosen.sizes(e) for name, e in chosen.entries.items()})

    def _replicates(self, method: str, size: int | None) -> int:
        """Ensembles are disjoint blocks of the largest one; other replicates have own networks."""
        entry = self.configuration.entries[method]
        if entry.exact:
            return 1
        if entry.size != "members" or size is None:
            return self.configuration.replicates
        return min(self.configuration.replicates, max(self.configuration.members) // size)
