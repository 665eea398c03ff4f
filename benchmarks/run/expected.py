"""What a run will take, before it starts: core-seconds by stage, memory and disk.

Work is counted from the plan, without what earlier runs have left. What networks compute is timed
on this machine, with few images by each recipe. All else costs what `SECONDS` says of a core of
`REFERENCE`; ``tests/benchmarks/unit_costs.py`` measures it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from math import isnan, prod
from time import process_time
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.claims.stage import RECIPES as CLAIMED
from benchmarks.inference.image_values import RankedFamily
from benchmarks.latency.places import latency_tasks, timed_on
from benchmarks.latency.stage import timed_earlier
from benchmarks.predictions import PoolNetwork, RunUnit
from benchmarks.run.configuration import PRESETS, stored_scores
from benchmarks.run.measure import ConditionSet, image_sets
from benchmarks.run.measurements import KeptRows
from benchmarks.run.plan import Plan
from benchmarks.run.predict import pending_groups
from benchmarks.run.workspace import Workspace, compile_once
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import CLAIMS, LATENCY, MEASURE, PREDICT, REPORT, TRAIN
from methods import METHODS, MemberMethod, PooledMethod
from methods.determinism import one_torch_thread
from methods.networks.network import multiply_adds
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.training import images_watched, initial_network, orders_and_masks
from methods.pooled import learns_in_fit
from methods.trained.base import TrainedMethod

TRAINED, EVALUATED, PASSED = "images trained on", "images evaluated", "images in a dropout pass"
"""Of one network each; timed on this machine."""

PROCESS, OWN = "processes", "multiply-adds of a forward of a method's own training"

REFERENCE = 0.041
"""CPU seconds of `mixed_work` on the core that `SECONDS` are of."""

SECONDS: dict[str, float] = {
    PROCESS: 4.5,
    OWN: 3.3e-10,
    "networks stored": 0.05,
    "data sets loaded": 0.2,
    "networks whose features are scored": 0.63,
    "images scored by features": 3.6e-5,
    "images of outputs": 1e-6,
    "images written": 5e-6,
    "images of members formed": 3e-7,
    "predictions measured": 0.017,
    "images measured": 1.15e-5,
    "pairs compared": 4e-5,
    "methods timed": 3.0,
    "methods fitted on random images": 3.0,
    "networks judged": 3.8,
    "reports": 3.1,
    "methods reported": 0.65,
}
"""Of one core, by what is counted."""


class MethodSeconds(NamedTuple):
    """What a method takes beside the forwards of its members: a fit, and an image."""

    fit: float = 0.0
    image: float = 0.0


METHOD_SECONDS = {
    "laplace_last_layer": MethodSeconds(1.8, 4e-5),
    "laplace_last_layer_calibrated": MethodSeconds(3.6, 4e-5),
    "laplace_last_layer_kron": MethodSeconds(1.8, 7e-6),
    "laplace_last_layer_fisher": MethodSeconds(1.8, 7e-6),
    "laplace_kron": MethodSeconds(45.0, 9.2e-4),
    "test_time_augmentation": MethodSeconds(0.0, 3.6e-5),
    "mc_dropout_exact": MethodSeconds(0.0, 1.4),
    "mc_dropout_exact_without_blanks": MethodSeconds(0.0, 1.4),
}
"""Likewise; of others it is nothing."""

BYTES = {"images of outputs": 52.0, "images written": 68.0, "networks stored": 250_000.0}
"""On disk, by what is counted."""

PROCESS_BYTES, NUMBER_BYTES, COPIES, EVALUATED_COPIES = 4.5e8, 4.0, 4, 2
"""In memory: of a process, and of a number in single precision; how often images are there: those
to train with, and those of conditions."""


class Work(NamedTuple):
    """Something that a stage does many times.

    Attributes:
        what: a key of `SECONDS`, `BYTES` or `METHOD_SECONDS`, or what networks compute.
        amount: how often; of what is in `METHOD_SECONDS`, the fits.
        recipe: that of the network that computes.
        method: whose work it is, where it is that of one method.
        images: of what is in `METHOD_SECONDS`.
    """

    stage: str
    what: str
    amount: float
    recipe: str = ""
    method: str = ""
    images: float = 0.0


@dataclass(frozen=True)
class Speed:
    """How fast this machine is.

    Attributes:
        gflops: of a product of matrices in single precision, to compare machines by.
        mixed: CPU seconds of `mixed_work`.
        networks: CPU seconds an image, by what is computed and recipe.
    """

    gflops: float
    mixed: float
    networks: Mapping[tuple[str, str], float]

    def seconds(self, work: Work) -> float:
        """CPU seconds that the work takes."""
        if (work.what, work.recipe) in self.networks:
            return work.amount * self.networks[work.what, work.recipe]
        if work.what in SECONDS:
            cost = work.amount * SECONDS[work.what]
        else:
            fit, image = METHOD_SECONDS[work.what]
            cost = work.amount * fit + work.images * image
        return cost * self.mixed / REFERENCE


def mixed_work() -> None:
    """Sorting and plain Python, as most of what is not done by kernels."""
    np.sort(np.random.default_rng(0).random(500_000))
    sum(number * number for number in range(500_000))


TIMED_IMAGES, TIMED_PASSES, TIMES = 1920, 100, 3


def measured_speed(plan: Plan) -> Speed:
    """Time this machine; it takes seconds, and longer where kernels are to be compiled first."""
    if plan.configuration.engine == "numba":
        compile_once()
    with one_torch_thread():
        matrix = torch.rand(1024, 1024)
        product, mixed = _fastest(lambda: matrix @ matrix, 20), _fastest(mixed_work, 5)
        networks = {
            (what, name): cost
            for name in plan.configuration.recipes
            for what, cost in _network_seconds(plan, plan.configuration.recipe(name)).items()
        }
    return Speed(2 * 1024**3 / product / 1e9, mixed, networks)


def _network_seconds(plan: Plan, recipe: Recipe) -> dict[str, float]:
    """CPU seconds an image of what networks of a recipe compute."""
    engine, network = plan.engine, initial_network(recipe, 0)
    labels = torch.arange(TIMED_IMAGES) % len(plan.task.classes)
    images = LabelledImages(torch.rand(TIMED_IMAGES, *plan.task.shape), labels)
    trainer, random = engine.trainer([network], recipe, images), np.random.default_rng(0)
    prepared = engine.prepare([network])
    timed: dict[str, Callable[[], Any]] = {
        TRAINED: lambda: trainer.epoch(
            *orders_and_masks(recipe, [np.arange(TIMED_IMAGES)], [random])
        ),
        EVALUATED: lambda: prepared.outputs(images.images),
    }
    count = dict.fromkeys(timed, TIMED_IMAGES)
    if recipe.dropout and recipe.network.channels:
        few, passes = images.images[: TIMED_IMAGES // 10], network.passes(0, 0, TIMED_PASSES)
        timed[PASSED] = lambda: prepared.pass_logits(few, passes)
        count[PASSED] = len(few) * TIMED_PASSES
    return {what: _fastest(call, TIMES) / count[what] for what, call in timed.items()}


def _fastest(call: Callable[[], Any], times: int) -> float:
    """CPU seconds of the fastest of some calls; the first one prepares what others need."""
    taken = []
    for _ in range(times + 1):
        begun = process_time()
        call()
        taken.append(process_time() - begun)
    return min(taken[1:])


class Counting:
    """Counts what a run has to do."""

    def __init__(self, plan: Plan, workspace: Workspace) -> None:
        self._plan, self._workspace = plan, workspace
        self._known_families: dict[tuple[str, Condition], list[RankedFamily]] = {}
        self._units = [unit for unit in plan.units() if plan.objection(unit) is None]

    def works(self) -> list[Work]:
        """All work, in the order of the stages."""
        parts = (self._training, self._predicting, self._measuring, self._timing, self._claiming)
        return [work for part in (*parts, self._reporting) for work in part()]

    def _images(self, conditions: Sequence[Condition]) -> int:
        plan = self._plan
        return sum(plan.limits_of(c).number(c, c.size or plan.task.test_images) for c in conditions)

    def _training(self) -> Iterator[Work]:
        plan, task = self._plan, self._plan.task
        yield Work(TRAIN, PROCESS, 1 + self._workspace.jobs)
        for name, group in groupby(plan.networks(), lambda network: network.recipe):
            recipe, numbers = plan.configuration.recipe(name), [n.number for n in group]
            training = self._workspace.training_images(plan, name)
            test = self._workspace.images(task, "test")
            pool = plan.pool(name, self._workspace.store)
            missing = len(numbers) - len(pool.trained(numbers, training, test))
            yield Work(TRAIN, TRAINED, missing * recipe.epochs * len(training.labels), name)
            watched = images_watched(recipe, len(training.labels), len(test.labels))
            yield Work(TRAIN, EVALUATED, missing * watched, name)
            yield Work(TRAIN, "networks stored", missing)

    def _predicting(self) -> Iterator[Work]:
        plan = self._plan
        groups = pending_groups(plan, self._workspace, (), remove=False)
        if groups:
            every = (*plan.conditions, *filter(None, [plan.task.calibration]))
            yield Work(PREDICT, "data sets loaded", len(plan.splits) + len(every))
        for group in groups:
            first, images = group[0], self._images(plan.predicted(group[0]))
            units = [owner for owner in group if isinstance(owner, RunUnit)]
            if isinstance(first, PoolNetwork):
                yield from self._network_work(first, images, fitted=bool(units))
            else:
                yield from self._member_work(units, images)
            for unit in units:
                yield Work(PREDICT, "images written", images, method=unit.method)
                if unit.method in METHOD_SECONDS:
                    yield Work(PREDICT, unit.method, 1, "", unit.method, images)

    def _network_work(self, network: PoolNetwork, images: int, *, fitted: bool) -> Iterator[Work]:
        plan, recipe = self._plan, network.recipe
        if network in plan.scored_networks:
            fitted = True
            yield Work(PREDICT, "networks whose features are scored", 1)
            yield Work(PREDICT, "images scored by features", images)
        training = self._workspace.training_images(plan, recipe)
        yield Work(PREDICT, EVALUATED, images + fitted * len(training.labels), recipe)
        yield Work(PREDICT, "images of outputs", images)

    def _member_work(self, units: Sequence[RunUnit], images: int) -> Iterator[Work]:
        plan, unit = self._plan, units[0]
        kind = plan.configuration.classes[unit.method]
        if not kind.pooled or plan.is_custom(unit.method):
            return
        method = cast(PooledMethod, plan.method(unit, self._workspace.store))
        if not kind.exact:
            what = PASSED if "dropout" in kind.needs else EVALUATED
            members = method.member_slice if isinstance(method, MemberMethod) else slice(0, 1)
            count = images * (members.stop - members.start)
            yield Work(PREDICT, what, count, unit.recipe, unit.method)
            formed = images * sum(u.size or 1 for u in units)
            yield Work(PREDICT, "images of members formed", formed, method=unit.method)
        if (trajectory := method.trajectory) is not None:
            training = self._workspace.images(plan.task, plan.split(unit))
            known = method.pool.snapshot_seconds(trajectory, unit.replicate, training.fingerprint)
            if isnan(known):
                recipe = plan.configuration.recipe(unit.recipe)
                count = recipe.epochs * len(training.labels)
                if issubclass(kind, TrainedMethod):
                    compute = count * multiply_adds(recipe.network)
                    yield Work(PREDICT, OWN, compute, method=unit.method)
                else:
                    yield Work(PREDICT, TRAINED, count, unit.recipe, unit.method)
                yield Work(PREDICT, "networks stored", trajectory.snapshots, method=unit.method)

    def _measuring(self) -> Iterator[Work]:
        plan = self._plan
        for unit in self._units:
            work = partial(Work, MEASURE, method=unit.method)
            if plan.reads(unit) == "logits":
                formed = self._images(plan.predicted(unit)) * (unit.size or 1)
                yield work("images of members formed", formed)
            conditions = plan.conditions_of(unit)
            yield work("predictions measured", len(conditions))
            yield work("images measured", self._images(conditions))
        compared = {(u.recipe, u.variant) for u in self._units if plan.is_compared(u)}
        by_recipe = Counter(recipe for recipe, _ in compared)
        metrics = sum(
            len(family.metrics)
            for condition in plan.conditions
            for family, _ in self._families("", condition)
        )
        pairs = sum(count**2 / 2 for count in by_recipe.values())
        yield Work(MEASURE, "pairs compared", pairs * metrics)

    def _families(self, primary: str, condition: Condition) -> list[RankedFamily]:
        """What is measured under a condition of methods with a primary score."""
        key = primary, condition
        if key not in self._known_families:
            rule = KeptRows(primary, self._plan.all_rows)
            own = tuple(stored_scores(self._plan.configuration))
            self._known_families[key] = list(rule.measures(condition, own))
        return self._known_families[key]

    def _timing(self) -> Iterator[Work]:
        plan, places = self._plan, timed_on(self._plan)
        tasks = list(latency_tasks(plan, self._workspace, None, places))
        rows = timed_earlier(plan, self._workspace, tasks)
        left = sum(not timed for timed in rows.values())
        threads = sum(task.place.threads for task in tasks) / len(tasks)
        seconds = PRESETS[plan.configuration.preset].limits.seconds
        yield Work(LATENCY, "methods timed", left * threads * seconds)
        learning = {
            (task.method, task.size, task.place)
            for task in tasks
            if task.method in METHODS and learns_in_fit(METHODS[task.method])
        }
        yield Work(LATENCY, "methods fitted on random images", len(learning) * left / len(tasks))

    def _claiming(self) -> Iterator[Work]:
        chosen = self._plan.configuration
        if CLAIMED[0] in chosen.recipes and self._plan.task.article_recipes:
            recipes = [recipe for recipe, _ in self._plan.networks() if recipe in CLAIMED]
            yield Work(CLAIMS, "networks judged", len(recipes))

    @property
    def most_memory(self) -> float:
        """Bytes that all processes hold at once: the parent, and workers of the stage `measure`."""
        held = sorted(map(self._row_numbers, image_sets(self._plan.conditions)), reverse=True)
        workers = held[: self._workspace.jobs]
        task, evaluated = self._plan.task, self._images(self._plan.conditions)
        images = COPIES * task.images_to_train_with("all") + EVALUATED_COPIES * evaluated
        pixels = images * prod(task.shape)
        return (1 + len(workers)) * PROCESS_BYTES + NUMBER_BYTES * (pixels + sum(workers))

    def _row_numbers(self, conditions: ConditionSet) -> int:
        """How many numbers are kept to compare methods under conditions, and by their mean."""
        plan, first = self._plan, conditions[0]
        variants = {unit.variant for unit in self._units if first in plan.conditions_of(unit)}
        primary = next(iter(plan.configuration.classes.values())).primary_score
        rule, numbers = KeptRows(primary, plan.all_rows), 0
        for condition in conditions:
            paired, reference = map(
                plan.task.condition, (condition.paired_with, condition.reference)
            )
            apart = condition.detected and reference.paired_with != condition.paired_with
            for family, score in self._families(primary, condition):
                kept = sum(rule.keeps(condition, metric, score) for metric in family.metrics)
                if condition == first and condition.in_mean:
                    kept += len(family.metrics)
                both = [paired, *([reference] if apart and "reference" in family.needs else [])]
                numbers += kept * self._images(both)
        return len(variants) * numbers

    def _reporting(self) -> Iterator[Work]:
        yield Work(REPORT, "reports", 1)
        yield Work(REPORT, "methods reported", len({unit.variant for unit in self._units}))


def seconds_of(works: Iterable[Work], speed: Speed) -> dict[tuple[str, str], float]:
    """CPU seconds by stage and method; of no method is what many share."""
    taken: dict[tuple[str, str], float] = {}
    for work in works:
        key = work.stage, work.method
        taken[key] = taken.get(key, 0.0) + speed.seconds(work)
    return taken


LARGEST = 4
"""How many methods are named beside a stage."""


def show_expected(plan: Plan, workspace: Workspace) -> None:
    """Print what the run, or what is left of it, will take."""
    plan.require_affordable()
    counting = Counting(plan, workspace)
    works, speed = counting.works(), measured_speed(plan)
    taken = seconds_of(works, speed)
    table = Table("stage", "core-seconds", "of methods", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[1].justify = "right"
    for stage in dict.fromkeys(stage for stage, _ in taken):
        own = {method: cost for (its, method), cost in taken.items() if its == stage}
        named = sorted((m for m in own if m), key=lambda m: -own[m])[:LARGEST]
        text = ", ".join(f"{method} {own[method]:,.0f}" for method in named)
        table.add_row(stage, f"{sum(own.values()):,.0f}", text)
    whole, jobs = sum(taken.values()), workspace.jobs
    minutes = whole / 60 / jobs
    time = f"{minutes:.0f} minutes" if minutes < 100 else f"{minutes / 60:.1f} hours"
    table.add_row("all", f"{whole:,.0f}", f"{time} on {jobs} cores")
    Console().print(table)
    disk = sum(work.amount * BYTES.get(work.what, 0.0) for work in works)
    memory, core = counting.most_memory / 2**30, f"a core here: {speed.gflops:.0f} GFLOP/s"
    print(f"memory: {memory:.1f} GiB; disk: {disk / 1e9:.1f} GB; {core}")
