"""What a run computes, as follows from its configuration."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import chain
from typing import cast

from benchmarks.io import UserError
from benchmarks.nouns import compared_sizes
from benchmarks.predictions import Owner, PoolNetwork, RunUnit
from benchmarks.run.configuration import PRESETS, Configuration, command_of, feature_scores
from benchmarks.tasks import TASKS, Task
from benchmarks.tasks.task import ALL_IMAGES, SUBSET, Condition, ImageLimits, Split
from benchmarks.vocabulary import FEWEST_REPLICATES
from methods import MemberMethod, PooledMethod, UncertaintyMethod
from methods.engines import choose_engine
from methods.engines.base import Engine
from methods.interface import MethodReads
from methods.networks.pool import NetworkPool, NetworkStore
from methods.networks.recipes import NO_TRAINING, Recipe
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

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions evaluated, `clean` first; their subsets last, if a method is slow."""
        chosen = tuple(map(self.task.condition, self.configuration.conditions))
        if not any(method.slow for method in self.configuration.classes.values()):
            return chosen
        subsets = (SUBSET + condition.name for condition in chosen if condition.has_subset)
        return chosen + tuple(map(self.task.condition, subsets))

    @property
    def whole_conditions(self) -> tuple[Condition, ...]:
        """The conditions without the subsets."""
        return tuple(condition for condition in self.conditions if not condition.subset)

    def conditions_of(self, unit: RunUnit) -> tuple[Condition, ...]:
        """The conditions under which the unit's method is evaluated; references come first.

        A slow method is evaluated on the subsets alone; beside it, so are the others, too.
        """
        if self.configuration.classes[unit.method].slow:
            return tuple(c for c in self.conditions if c.subset)
        return self.conditions

    def predicted(self, owner: Owner) -> tuple[Condition, ...]:
        """What is in a unit's file: its conditions, and the calibration images.

        The latter if its networks were not trained on them; a subset if its method is slow. In that
        of a network is what a method of its networks needs.
        """
        if isinstance(owner, RunUnit):
            held_out, conditions = self.calibration_of(owner), self.conditions_of(owner)
        else:
            own = self.trainings[owner.training].split == "training"
            held_out, conditions = self.task.calibration if own else None, self.conditions
        return conditions if held_out is None else (*conditions, held_out)

    def calibration_of(self, unit: RunUnit) -> Condition | None:
        """The calibration images as the unit's method predicts them; ``None``: not at all."""
        held_out = self.task.calibration
        if held_out is None or self.split(unit) == "all":
            return None
        return held_out.as_subset() if self.configuration.classes[unit.method].slow else held_out

    @property
    def recipe(self) -> Recipe:
        """Recipe of the run's networks, of budget 1, for as long as the configuration says."""
        recipe, epochs = self.task.recipe(self.configuration.recipe), self.configuration.epochs
        return recipe if epochs is None else replace(recipe, epochs=epochs, best_epochs=None)

    @cached_property
    def trainings(self) -> dict[str, Recipe]:
        """Recipes of the networks of the pool, by name: the run's, and what methods make of it at
        their budgets."""
        recipes = (self.recipe_of(unit) for unit in self.units() if unit.replicate == 0)
        return {training_name(recipe, self.recipe): recipe for recipe in (self.recipe, *recipes)}

    def training_of(self, unit: RunUnit) -> str:
        """The name of what trains the unit's networks, among `trainings`."""
        return training_name(self.recipe_of(unit), self.recipe)

    def recipe_of(self, unit: RunUnit) -> Recipe:
        """What the unit's networks are trained by."""
        if not self.configuration.classes[unit.method].pooled:
            return self.recipe
        return cast(PooledMethod, self.method(unit)).pool.recipe

    @property
    def in_threads(self) -> bool:
        """Whether networks are trained and evaluated in parallel threads: with the kernels only.

        PyTorch gets processes, since its training holds Python's lock most of the time.
        """
        return self.configuration.engine == "numba"

    def is_custom(self, method: str) -> bool:
        """Whether the method is a user's, which runs in processes of its own."""
        return method not in self.configuration.methods

    def pool(self, training: str = "", store: NetworkStore | None = None) -> NetworkPool:
        """The networks of a training, by default of the recipe; without a store in memory only."""
        recipe = self.trainings[training] if training else self.recipe
        seed = self.configuration.seed
        return NetworkPool(recipe=recipe, seed=seed, engine=self.engine, store=store)

    def method(self, unit: RunUnit, store: NetworkStore | None = None) -> UncertaintyMethod:
        """The unit's method, not fitted yet.

        Raises:
            UserError: a method's training is none of the recipe's network, or a setting is wrong.
        """
        method = self.configuration.classes[unit.method]
        each = unit.budget / (unit.size or 1) if method.counts_networks else unit.budget
        pool = replace(self.pool(store=store), recipe=self.recipe.lasting(each))
        try:
            return method.build(pool, unit.replicate, unit.size)
        except ValueError as error:
            raise UserError(f"{unit.method}: {error}") from error

    def split(self, unit: RunUnit) -> Split:
        """The images that a unit's method is fitted on.

        Those of its networks; a method that trains itself gets those of the recipe, to be compared
        with it, but never those that it calibrates with.
        """
        method = self.configuration.classes[unit.method]
        if not method.pooled and "calibration" in method.needs:
            return "training"
        return self.recipe_of(unit).split

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that methods are fitted on, and that they are calibrated with."""
        splits = {self.split(unit) for unit in self.units()}
        if "training" in splits and self.task.calibration_images:
            splits.add("calibration")
        return tuple(sorted(splits))

    def units(self) -> list[RunUnit]:
        """Every replicate of every contestant, in the order of the configuration."""
        return [
            RunUnit(name, size, budget, replicate)
            for name, method in self.configuration.classes.items()
            for size, budget in self._contestants(method)
            for replicate in range(self._replicates(method, size, budget))
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
                none = PoolNetwork(self.training_of(unit), unit.replicate)
                networks = self.networks_of(unit) or [none]
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
        """Whether its method is the run's, and its networks come from the pool."""
        kind = self.configuration.classes.get(unit.method)
        return kind is not None and kind.pooled

    def networks_of(self, unit: RunUnit) -> list[PoolNetwork]:
        """The networks that the unit's method takes from the pool; none if it is not applicable."""
        if not self.is_pooled(unit) or self.objection(unit) is not None:
            return []
        method = cast(PooledMethod, self.method(unit))
        training = training_name(method.pool.recipe, self.recipe)
        return [PoolNetwork(training, number) for number in method.networks]

    def scored_network(self, unit: RunUnit) -> PoolNetwork | None:
        """The only network of the unit's method, whose features give it scores, if it has one."""
        kind = self.configuration.classes[unit.method]
        networks = self.networks_of(unit)
        single = kind.feature_scores and not kind.counts_networks and len(networks) == 1
        return networks[0] if single else None

    @cached_property
    def scored_networks(self) -> frozenset[PoolNetwork]:
        """The networks to whose features scores are fitted: those of single-network methods."""
        if not feature_scores(self.configuration):
            return frozenset()
        return frozenset(filter(None, map(self.scored_network, self.units())))

    def is_compared(self, unit: RunUnit) -> bool:
        """Whether curves are drawn of it: of its method's `compared_sizes`, at the least budget.

        Of ensembles those whose networks have a budget of 1 each.
        """
        classes, sizes = self.configuration.classes, self.configuration.sizes
        usual = {name: method.usual_sizes for name, method in classes.items()}
        chosen = compared_sizes({name: sizes(method) for name, method in classes.items()}, usual)
        kind = classes[unit.method]
        least = 1.0 if not kind.pooled else min(self.configuration.budgets)
        shown = unit.size is None or unit.size in chosen[unit.method]
        return shown and unit.budget == (unit.size if kind.counts_networks else least)

    def forms_ensembles(self, method: str) -> bool:
        """Whether a method forms ensembles of the pool's networks, which give others a worth."""
        kind = self.configuration.classes[method]
        return kind.pooled and kind.counts_networks

    def is_network(self, method: str) -> bool:
        """Whether a method's prediction is that of a network of the recipe, and nothing else."""
        return not self.configuration.classes[method].size and self._is_plain(method)

    def is_scale(self, method: str) -> bool:
        """Whether a method forms ensembles of the recipe's networks, and nothing else."""
        return self.forms_ensembles(method) and self._is_plain(method)

    def _is_plain(self, method: str) -> bool:
        """Whether a method takes networks as the recipe trains them, and needs nothing else."""
        kind = self.configuration.classes[method]
        own = kind.needs or kind.training is not UncertaintyMethod.training
        return kind.pooled and not (own or self.is_custom(method))

    def objection(self, unit: RunUnit) -> str | None:
        """Why the unit's method is not applicable to its networks; ``None`` if it is."""
        method = self.configuration.classes[unit.method]
        if "calibration" in method.needs:
            if not self.task.calibration_images:
                return f"the task {self.task.name!r} has no calibration images"
            if self.split(unit) == "all":
                return f"the recipe {self.recipe.name!r} trains on the calibration images too"
        return method.objection(self.recipe_of(unit)) if method.pooled else None

    def require_affordable(self) -> None:
        """Stop where a budget is less than a step, or no epoch of a network of a method's own.

        Raises:
            UserError: as it says.
        """
        for unit in (unit for unit in self.units() if unit.replicate == 0):
            recipe = self.recipe_of(unit)
            images = self.task.images_to_train_with(recipe.split)
            if recipe.epochs * -(-images // recipe.batch_size) < 1:
                raise UserError(
                    f"--budget {unit.budget:g}: a network of {unit.folder} would train for "
                    f"{recipe.epochs:g} epochs, less than a step; choose a larger budget"
                )
            if isinstance(method := self.method(unit), TrainedMethod) and not self.objection(unit):
                try:
                    method.require_affordable()
                except ValueError as error:
                    raise UserError(f"--epochs, --budget {unit.budget:g}: {error}") from error

    def networks(self) -> list[PoolNetwork]:
        """The networks that the groups need, each once."""
        return self._in_order(self.networks_needed(chain.from_iterable(self.groups())))

    def networks_needed(self, owners: Iterable[Owner]) -> set[PoolNetwork]:
        """The networks that the files of these owners need."""
        return {
            network
            for owner in owners
            for network in ([owner] if isinstance(owner, PoolNetwork) else self.networks_of(owner))
        }

    def limits_of(self, condition: Condition) -> ImageLimits:
        """Limits on the images of a condition that are evaluated; of the calibration's all are."""
        chosen = self.configuration
        if condition == self.task.calibration:
            return ALL_IMAGES
        if condition.subset:
            return ImageLimits(chosen.subset_images)
        return ImageLimits(chosen.images, chosen.severity_images)

    def _members(self, unit: RunUnit) -> object:
        """Equal for units of a training and replicate that can share members."""
        kind = self.configuration.classes[unit.method]
        if kind.counts_networks or not issubclass(kind, MemberMethod):
            return unit
        members, own = kind.member_kind(), unit.method if self.is_custom(unit.method) else ""
        return unit if members is None else (members, own)

    def _in_order(self, networks: Iterable[PoolNetwork]) -> list[PoolNetwork]:
        order = {training: position for position, training in enumerate(self.trainings)}
        return sorted(networks, key=lambda n: (order.get(n.training, len(order)), n.number))

    def _contestants(self, method: type[UncertaintyMethod]) -> Iterator[tuple[int | None, float]]:
        """The sizes of a method, each with a budget."""
        chosen, sizes = self.configuration, self.configuration.sizes(method)
        if method.counts_networks:
            yield from ((size, float(size)) for size in sizes)
            if method.divides and PRESETS[chosen.preset].divides:
                yield from ((round(2 * b), b) for b in chosen.budgets if b >= 1)
            return
        for budget in chosen.budgets if method.pooled else (1.0,):
            if budget <= 1 or method.trained_longer or self.is_custom(method.name):
                yield from ((size, budget) for size in sizes or (None,))

    def _replicates(self, method: type[UncertaintyMethod], size: int | None, budget: float) -> int:
        """The same of all contestants of a budget of the run; ensembles beyond have fewer."""
        chosen = self.configuration
        replicates = chosen.replicates
        if budget > 1:
            replicates = min(replicates, FEWEST_REPLICATES)
        if size is None or not method.counts_networks or budget in chosen.budgets:
            return replicates
        return min(replicates, max(chosen.pool, *chosen.sizes(method)) // size)


def training_name(recipe: Recipe, run_recipe: Recipe) -> str:
    """What a training is called beside the recipe of the run: by all that differs.

    >>> from methods.networks.recipes import WELL_TRAINED
    >>> training_name(replace(WELL_TRAINED, dropout=0.1, epochs=5), WELL_TRAINED)
    'well-trained-dropout-0.1-epochs-5'
    """
    changed = (
        f"-{part.name}-{value:g}"
        if isinstance(value, int | float)
        else f"-{part.name}-{getattr(value, 'name', value)}"
        for part in fields(Recipe)
        if part.name not in NO_TRAINING
        and (value := getattr(recipe, part.name)) != getattr(run_recipe, part.name)
    )
    return run_recipe.name + re.sub(r"[^a-z0-9.-]+", "-", "".join(changed).lower())


def _size(owner: Owner) -> float:
    """Size of a unit's method; a network comes before all."""
    return (owner.size or 0) if isinstance(owner, RunUnit) else math.inf
