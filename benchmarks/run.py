"""A run: a configuration on a machine, what it consists of and where its parts lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, cast

from benchmarks.conditions import CONDITIONS, EXACT_CONDITIONS, Condition, Judged
from benchmarks.configuration import Configuration, Machine
from benchmarks.datasets import load_mnist
from benchmarks.predictions import Cell, PredictionStore
from benchmarks.records import OWN_RECIPE
from benchmarks.sizes import compared_sizes
from methods import UncertaintyMethod
from methods.engine_choice import choose_engine
from methods.engines import Engine
from methods.labelled_images import LabelledImages
from methods.network_pool import NetworkPool
from methods.network_store import NetworkStore
from methods.pooled import PooledMethod
from methods.recipes import STANDARD


@dataclass(frozen=True)
class Run:
    """What a stage is given; small, so that it can be sent to any worker.

    Attributes:
        configuration: what is computed.
        machine: where.
    """

    configuration: Configuration
    machine: Machine

    @property
    def shards(self) -> PredictionStore:
        """Where the predictions lie."""
        return PredictionStore(self.machine.out / "predictions")

    @property
    def engine(self) -> Engine:
        """What trains the networks and asks them."""
        return choose_engine(self.configuration.engine, self.configuration.device)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions judged, `clean` first, and where a method needs them their small ones."""
        chosen = tuple(CONDITIONS[name] for name in self.configuration.conditions)
        if not any(entry.exact for entry in self.configuration.entries.values()):
            return chosen
        names = {f"exact-{condition.name}" for condition in chosen}
        return chosen + tuple(
            condition for condition in EXACT_CONDITIONS if condition.name in names
        )

    def conditions_of(self, cell: Cell) -> tuple[Condition, ...]:
        """The conditions that the cell's method is asked about; references come first.

        Small ones are for recipes where exact MC-dropout stands beside the others.
        """
        if self.configuration.entries[cell.method].exact:
            return tuple(c for c in self.conditions if c.exact)
        small = cell.recipe == OWN_RECIPE or self._in_depth(cell.recipe)
        return tuple(c for c in self.conditions if small or not c.exact)

    @property
    def in_threads(self) -> bool:
        """Whether networks work side by side in threads: if kernels do the work, they can.

        PyTorch's get processes: its training holds Python's lock most of the time.
        """
        return self.configuration.engine == "numba"

    def fits_threads(self, cell: Cell) -> bool:
        """Whether such cells can: not a user's method, which may change global state."""
        return self.in_threads and self.configuration.entries[cell.method].pooled

    def pool(self, recipe: str) -> NetworkPool:
        """The networks of a recipe."""
        return NetworkPool(
            recipe=STANDARD if recipe == OWN_RECIPE else self.configuration.recipe(recipe),
            seed=self.configuration.seed,
            engine=self.engine,
            store=NetworkStore(self.machine.networks),
        )

    def method(self, cell: Cell) -> UncertaintyMethod:
        """The cell's method, not fitted yet."""
        entry = self.configuration.entries[cell.method]
        return entry.build(self.pool(cell.recipe), cell.replicate, cell.size)

    def cells(self) -> list[Cell]:
        """Everything that judges, in the order of the configuration."""
        return [
            Cell(recipe, name, size, replicate)
            for name, entry in self.configuration.entries.items()
            for recipe in (self.configuration.recipes if entry.pooled else (OWN_RECIPE,))
            if not entry.exact or self._in_depth(recipe)
            for size in self._sizes(name, recipe)
            for replicate in range(self._replicates(name, size))
        ]

    def families(self) -> list[tuple[Cell, ...]]:
        """The cells, each with those whose members are among its own, after it.

        So that members are asked once: fewer passes are the first of more, and the networks of a
        smaller ensemble are some of the largest one's.
        """
        families: dict[Cell, list[Cell]] = {}
        for cell in self.cells():
            families.setdefault(self._largest(cell), []).append(cell)
        return [
            (largest, *(cell for cell in family if cell != largest))
            for largest, family in families.items()
        ]

    def is_compared(self, cell: Cell) -> bool:
        """Whether methods are compared at the cell's size; others show what a size buys."""
        return cell.size is None or cell.size in self._compared_sizes[cell.method]

    def objection(self, cell: Cell) -> str | None:
        """Why the cell's method is not applicable to its recipe; ``None`` if it is."""
        entry = self.configuration.entries[cell.method]
        return entry.objection(self.pool(cell.recipe).recipe) if entry.pooled else None

    def networks(self) -> list[tuple[str, int]]:
        """Which networks of the pools the cells need: pairs (recipe, number), each once."""
        needed = {
            (cell.recipe, number)
            for cell in self.cells()
            if self.configuration.entries[cell.method].pooled and self.objection(cell) is None
            for number in cast(PooledMethod, self.method(cell)).networks
        }
        return sorted(needed, key=lambda pair: (self.configuration.recipes.index(pair[0]), pair[1]))

    def training_images(self) -> LabelledImages:
        """MNIST's training images, loaded once a process."""
        return _mnist("train", self.machine.data_dir)

    def test_images(self) -> LabelledImages:
        """MNIST's test images, loaded once a process: the training log's validation data."""
        return _mnist("test", self.machine.data_dir)

    def judged(self, condition: Condition) -> Judged:
        """The images of a condition, built once a process."""
        chosen = self.configuration
        images = chosen.exact_images if condition.exact else chosen.images
        return _judged(condition, images, chosen.seed, self.machine.data_dir)

    def _largest(self, cell: Cell) -> Cell:
        size = self.configuration.entries[cell.method].size
        if size is None:
            return cell
        return replace(
            cell,
            size=max(getattr(self.configuration, size)),
            replicate=0 if size == "members" else cell.replicate,
        )

    def _sizes(self, method: str, recipe: str) -> tuple[int | None, ...]:
        chosen = self.configuration
        size = chosen.entries[method].size
        if size is None:
            return (None,)
        sizes: tuple[int, ...] = getattr(chosen, size)
        return sizes if self._in_depth(recipe) else self._compared_sizes[method]

    def _in_depth(self, recipe: str) -> bool:
        chosen = self.configuration
        return recipe in (set(chosen.in_depth).intersection(chosen.recipes) or chosen.recipes)

    @property
    def _compared_sizes(self) -> dict[str, tuple[int, ...]]:
        chosen = self.configuration
        return compared_sizes(
            {name: getattr(chosen, e.size) for name, e in chosen.entries.items() if e.size}
        )

    def _replicates(self, method: str, size: int | None) -> int:
        """Ensembles share out the largest one's networks; a replicate of the others has its own."""
        entry = self.configuration.entries[method]
        if entry.exact:
            return 1
        if entry.size != "members" or size is None:
            return self.configuration.replicates
        return min(self.configuration.replicates, max(self.configuration.members) // size)


@cache
def _mnist(split: Literal["train", "test"], data_dir: Path | None) -> LabelledImages:
    return load_mnist(split, data_dir=data_dir)


@cache
def _judged(condition: Condition, images: int | None, seed: int, data_dir: Path | None) -> Judged:
    return condition.build(images, seed=seed, data_dir=data_dir)
