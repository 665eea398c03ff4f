"""What a run computes, as follows from its configuration."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import cast

from benchmarks.io import UserError
from benchmarks.nouns import compared_sizes
from benchmarks.predictions import Owner, PoolNetwork, RunUnit
from benchmarks.run.configuration import (
    BEST_TRAINED,
    IN_DEPTH,
    SLOW,
    TRAINED,
    USUAL_SIZES,
    Configuration,
    command_of,
    stored_scores,
)
from benchmarks.tasks import TASKS, Task
from benchmarks.tasks.task import ALL_IMAGES, Condition, ImageLimits, Split
from benchmarks.vocabulary import SELF_TRAINED, SUBSET
from methods import MemberMethod, PooledMethod, UncertaintyMethod
from methods.engines import choose_engine
from methods.engines.base import Engine
from methods.interface import MethodReads
from methods.networks.pool import NetworkPool, NetworkStore
from methods.trained.base import TrainedMethod

PredictedTogether = tuple[Owner, ...]
"""Whose files are computed together; see `Plan.groups`."""


@dataclass(frozen=True)
class Plan:
    """A run's units, their methods, networks and conditions; small enough for any worker.

    Attributes:
        configuration: what the user chose.
        all_rows: whether every measure is written, not only those of `benchmarks.run.measurements`.
    """

    configuration: Configuration
    all_rows: bool = False

    @property
    def command(self) -> str:
        """The command line that runs it."""
        return command_of(self.configuration) + (" --all-rows" if self.all_rows else "")

    @property
    def task(self) -> Task:
        """What is classified."""
        return TASKS[self.configuration.task]

    @property
    def engine(self) -> Engine:
        """What trains the networks and evaluates them."""
        return choose_engine(self.configuration.engine, self.configuration.device)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions evaluated, `clean` first; their subsets last, if a method is slow."""
        chosen = tuple(map(self.task.condition, self.configuration.conditions))
        if SLOW.isdisjoint(self.configuration.classes):
            return chosen
        subsets = (SUBSET + condition.name for condition in chosen if condition.has_subset)
        return chosen + tuple(map(self.task.condition, subsets))

    @property
    def whole_conditions(self) -> tuple[Condition, ...]:
        """The conditions without the subsets."""
        return tuple(condition for condition in self.conditions if not condition.subset)

    def conditions_of(self, unit: RunUnit) -> tuple[Condition, ...]:
        """The conditions under which the unit's method is evaluated; references come first.

        A slow method is evaluated on the subsets alone; beside it, so are the other methods of
        its recipe, and those that train themselves.
        """
        if unit.method in SLOW:
            return tuple(c for c in self.conditions if c.subset)
        subsets_too = unit.recipe == SELF_TRAINED or self._in_depth(unit.recipe)
        return self.conditions if subsets_too else self.whole_conditions

    def predicted(self, owner: Owner) -> tuple[Condition, ...]:
        """What is in a unit's file: its conditions, and the calibration images.

        The latter if its networks were not trained on them; a subset if its method is slow. In that
        of a network is what a method of its recipe needs.
        """
        unit = owner if isinstance(owner, RunUnit) else RunUnit(owner.recipe, "", None, 0)
        held_out = self.calibration_of(unit)
        conditions = self.conditions_of(unit)
        return conditions if held_out is None else (*conditions, held_out)

    def calibration_of(self, unit: RunUnit) -> Condition | None:
        """The calibration images as the unit's method predicts them; ``None``: not at all."""
        held_out = self.task.calibration
        if held_out is None or self.split(unit) == "all":
            return None
        return held_out.as_subset() if unit.method in SLOW else held_out

    @property
    def recipes_compared(self) -> tuple[str, ...]:
        """The recipes whose methods are compared; methods that train themselves are in each."""
        pooled = any(method.pooled for method in self.configuration.classes.values())
        return tuple(sorted(self.configuration.recipes)) if pooled else (SELF_TRAINED,)

    @property
    def recipes_by_budget(self) -> tuple[str, ...]:
        """The recipes whose training budgets are compared with each other."""
        every = [recipe.name for recipe in self.task.budgets]
        return tuple(name for name in self.configuration.recipes if name in every)

    def budget(self, recipe: str) -> float:
        """The training compute of a network, in networks of the task; see `Task.budget`."""
        if recipe == SELF_TRAINED:
            return 1.0
        return round(self.task.budget(self.configuration.recipe(recipe)), 3)

    @property
    def main_recipe(self) -> str:
        """The recipe shown first: that of the recipes compared which the task names first."""
        order = [recipe.name for recipe in self.task.every_recipe]
        return min(
            self.recipes_compared, key=lambda name: order.index(name) if name in order else 0
        )

    @property
    def in_threads(self) -> bool:
        """Whether networks are trained and evaluated in parallel threads: with the kernels only.

        PyTorch gets processes, since its training holds Python's lock most of the time.
        """
        return self.configuration.engine == "numba"

    def is_custom(self, method: str) -> bool:
        """Whether the method is a user's, which runs in processes of its own."""
        return method not in self.configuration.methods

    def pool(self, recipe: str, store: NetworkStore | None = None) -> NetworkPool:
        """The networks of a recipe; without a store they are in memory only."""
        chosen = self.task.recipes[0].name if recipe == SELF_TRAINED else recipe
        return NetworkPool(
            recipe=self.configuration.recipe(chosen),
            seed=self.configuration.seed,
            engine=self.engine,
            store=store,
        )

    def method(self, unit: RunUnit, store: NetworkStore | None = None) -> UncertaintyMethod:
        """The unit's method, not fitted yet."""
        method = self.configuration.classes[unit.method]
        return method.build(self.pool(unit.recipe, store), unit.replicate, unit.size)

    def split(self, unit: RunUnit) -> Split:
        """The images that a unit's method is fitted on.

        Those of its recipe; a method that trains itself gets those of the main one, to be compared
        with it, but never those that it calibrates with.
        """
        if unit.recipe != SELF_TRAINED:
            return self.configuration.recipe(unit.recipe).split
        if "calibration" in self.configuration.classes[unit.method].needs:
            return "training"
        chosen = self.configuration.recipes
        return next(recipe.split for recipe in self.task.every_recipe if recipe.name in chosen)

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that methods are fitted on, and that they are calibrated with."""
        splits = {self.split(unit) for unit in self.units()}
        if "training" in splits and self.task.calibration_images:
            splits.add("calibration")
        return tuple(sorted(splits))

    def units(self) -> list[RunUnit]:
        """Every replicate of every method, size and recipe, in the order of the configuration."""
        return [
            RunUnit(recipe, name, size, replicate)
            for name, method in self.configuration.classes.items()
            for recipe in (self.configuration.recipes if method.pooled else (SELF_TRAINED,))
            if self._evaluates(name, recipe)
            for size in self._sizes(name, recipe)
            for replicate in range(self._replicates(name, recipe, size))
        ]

    def groups(self) -> list[PredictedTogether]:
        """Whose files are computed together, network by network.

        Of a network come first its outputs, with the units that read features. Further groups are
        of units that read images: each member predicts once for all of the group, since the members
        of the others are among those of the first, as fewer passes are the first of more.
        """
        grouped: dict[PoolNetwork, dict[object, list[Owner]]] = {}
        together: dict[PoolNetwork, PoolNetwork] = {}  # with which other one a network is read
        for network in self.scored_networks:
            grouped[network] = {PoolNetwork: [network]}
        for unit in self.units():
            reads = self.reads(unit)
            if reads != "images":
                for network in self.networks_of(unit):
                    owners = grouped.setdefault(network, {}).setdefault(PoolNetwork, [network])
                    owners += [unit] if reads == "features" else []
            elif self.objection(unit) is None:
                networks = self.networks_of(unit) or [PoolNetwork(unit.recipe, unit.replicate)]
                together |= dict.fromkeys(networks, networks[0])
                grouped.setdefault(networks[0], {}).setdefault(self._members(unit), []).append(unit)
        shares: dict[PoolNetwork, list[PredictedTogether]] = {}
        for network in self._in_order(grouped):
            share = shares.setdefault(together.get(network, network), [])
            share += (tuple(sorted(g, key=_size, reverse=True)) for g in grouped[network].values())
        return list(chain.from_iterable(shares.values()))

    def reads(self, unit: RunUnit) -> MethodReads:
        """What the unit's prediction is formed from; a custom method is handed images."""
        kind = self.configuration.classes[unit.method]
        return "images" if self.is_custom(unit.method) else kind.reads

    def is_pooled(self, unit: RunUnit) -> bool:
        """Whether its method and recipe are the run's, and its networks come from the pool."""
        kind = self.configuration.classes.get(unit.method)
        return kind is not None and kind.pooled and unit.recipe in self.configuration.recipes

    def networks_of(self, unit: RunUnit) -> list[PoolNetwork]:
        """The networks that the unit's method takes from the pool; none if it is not applicable."""
        if not self.is_pooled(unit) or self.objection(unit) is not None:
            return []
        numbers = cast(PooledMethod, self.method(unit)).networks
        return [PoolNetwork(unit.recipe, number) for number in numbers]

    def scored_network(self, unit: RunUnit) -> PoolNetwork | None:
        """The only network of the unit's method, whose features give it scores, if it has one."""
        kind = self.configuration.classes[unit.method]
        networks = self.networks_of(unit)
        single = kind.feature_scores and not kind.counts_networks and len(networks) == 1
        return networks[0] if single else None

    @property
    def scored_networks(self) -> frozenset[PoolNetwork]:
        """The networks to whose features scores are fitted: those of single-network methods."""
        return _scored_networks(self)

    def is_compared(self, unit: RunUnit) -> bool:
        """Whether methods are compared at the unit's size; see `compared_sizes`."""
        return unit.size is None or unit.size in self._compared_sizes[unit.method]

    def forms_ensembles(self, method: str) -> bool:
        """Whether a method forms ensembles of the pool's networks, which give others a worth."""
        kind = self.configuration.classes[method]
        return kind.pooled and kind.counts_networks

    def objection(self, unit: RunUnit) -> str | None:
        """Why the unit's method is not applicable to its recipe; ``None`` if it is."""
        method = self.configuration.classes[unit.method]
        if "calibration" in method.needs:
            if not self.task.calibration_images:
                return f"the task {self.task.name!r} has no calibration images"
            if self.split(unit) == "all":
                return f"the recipe {unit.recipe!r} trains on the calibration images too"
        return method.objection(self.configuration.recipe(unit.recipe)) if method.pooled else None

    def require_affordable(self) -> None:
        """Stop where a recipe's budget allows no epoch of a network of a method's own.

        Raises:
            UserError: as it says; of the suite's methods, since no user's is run in this process.
        """
        for unit in self.units():
            if unit.method in TRAINED and unit.replicate == 0 and self.objection(unit) is None:
                try:
                    cast(TrainedMethod, self.method(unit)).require_affordable()
                except ValueError as error:
                    raise UserError(f"--epochs, recipe {unit.recipe!r}: {error}") from error

    def networks(self) -> list[PoolNetwork]:
        """The networks that the groups need, each once."""
        return self._in_order(self.networks_needed(chain.from_iterable(self.groups())))

    def networks_needed(self, owners: Iterable[Owner]) -> set[PoolNetwork]:
        """The networks that the files of these owners need."""
        needed: set[PoolNetwork] = set()
        for owner in owners:
            needed.update([owner] if isinstance(owner, PoolNetwork) else self.networks_of(owner))
        return needed

    def limits_of(self, condition: Condition) -> ImageLimits:
        """How many images of a condition are evaluated: of the calibration's all."""
        chosen = self.configuration
        if condition == self.task.calibration:
            return ALL_IMAGES
        if condition.subset:
            return ImageLimits(chosen.subset_images)
        return ImageLimits(chosen.images, chosen.severity_images)

    def _members(self, unit: RunUnit) -> object:
        """Equal for units of a recipe and replicate that can share members."""
        kind = self.configuration.classes[unit.method]
        if kind.counts_networks or not issubclass(kind, MemberMethod):
            return unit
        members = kind.member_kind()
        if members is None:
            return unit
        return members, unit.method if self.is_custom(unit.method) else ""

    def _in_order(self, networks: Iterable[PoolNetwork]) -> list[PoolNetwork]:
        order = {recipe: position for position, recipe in enumerate(self.configuration.recipes)}
        return sorted(networks, key=lambda n: (order.get(n.recipe, len(order)), n.number))

    def _sizes(self, method: str, recipe: str) -> tuple[int | None, ...]:
        sizes = self.configuration.sizes(self.configuration.classes[method], recipe)
        if not sizes or self._in_depth(recipe) or self.forms_ensembles(method):
            return sizes or (None,)
        return self._compared_sizes[method]

    def _evaluates(self, method: str, recipe: str) -> bool:
        """Whether the method is evaluated for this recipe: some are for those in depth alone."""
        by_budget = recipe in self.recipes_by_budget
        if by_budget and method in TRAINED and method not in BEST_TRAINED:
            deep = filter(self._in_depth, self.recipes_by_budget)
            return recipe == min(deep, key=self.budget, default="")
        own = "training" in self.configuration.classes[method].needs
        return self._in_depth(recipe) or not (method in IN_DEPTH or (own and by_budget))

    def _in_depth(self, recipe: str) -> bool:
        chosen = self.configuration
        return recipe in (set(chosen.in_depth).intersection(chosen.recipes) or chosen.recipes)

    @property
    def _compared_sizes(self) -> dict[str, tuple[int, ...]]:
        classes, sizes = self.configuration.classes.items(), self.configuration.sizes
        return compared_sizes({name: sizes(method) for name, method in classes}, USUAL_SIZES)

    def _replicates(self, method: str, recipe: str, size: int | None) -> int:
        """Ensembles are disjoint blocks of the pool; other replicates have own networks."""
        kind = self.configuration.classes[method]
        replicates = self.configuration.replicates_of(kind)
        if size is None or not kind.counts_networks:
            return replicates
        pool = max(self.configuration.sizes(kind, recipe))
        if kind.pooled:
            pool = max(pool, self.configuration.pool_of(recipe))
        return min(replicates, pool // size)


@lru_cache(maxsize=4)
def _scored_networks(plan: Plan) -> frozenset[PoolNetwork]:
    """Remembered, since each file of a network is asked whether it has scores."""
    if not any(score.fit for score in stored_scores(plan.configuration).values()):
        return frozenset()
    return frozenset(filter(None, map(plan.scored_network, plan.units())))


def _size(owner: Owner) -> float:
    """Of a unit's method; a network comes before all."""
    return (owner.size or 0) if isinstance(owner, RunUnit) else math.inf
