"""The stage `experiments`: train and measure methods at each level, and the draws of the data.

A part of the work is a level and a replicate, or the draws of a kind and a replicate. Its rows are
a file, so that what is finished is not done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple, cast

import pandas as pd
import torch
from jaxtyping import Float64
from torch import Tensor

from benchmarks.epistemic.analysis import analysed
from benchmarks.epistemic.experiments import (
    DRAWS,
    NOISES,
    PAIRS,
    SEEDS,
    WHOLE,
    Draw,
    Level,
    drawn,
    sizes,
)
from benchmarks.epistemic.people import people_of
from benchmarks.epistemic.values import (
    DrawnValues,
    Draws,
    Value,
    against_people,
    means,
    rankings,
    scores,
)
from benchmarks.headline import headline_conditions
from benchmarks.predictions import RunUnit, members_of
from benchmarks.progress import announce
from benchmarks.run.nouns import condition_records
from benchmarks.run.plan import Plan
from benchmarks.run.predict import NO_FAILURES
from benchmarks.run.workspace import Failure, Workspace, fit, reason_of, seed_call
from benchmarks.schema import ExperimentRow, in_order, read_table, table_of, where, write_table
from benchmarks.vocabulary import CLEAN, EPISTEMIC_CSV, EXPERIMENTS, EXPERIMENTS_CSV, mean_name
from methods import UncertaintyMethod
from methods.determinism import derive_seed, one_torch_thread
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages, Recipe

PARTS = Path("predictions") / EXPERIMENTS
"""Where the rows of each part are, among what is not committed."""

FAILED = "failed"
"""The statistic of rows that say why there is none."""


class Piece(NamedTuple):
    """A part of the work.

    Attributes:
        what: a level, or a kind of draws of the training images.
    """

    what: Level | Draw
    replicate: int

    @property
    def file(self) -> str:
        """The name of its file."""
        name = self.what.name if isinstance(self.what, Level) else self.what
        return f"{name}-{self.replicate}.csv"


def run_experiments(
    plan: Plan, workspace: Workspace, unavailable: Collection[str]
) -> list[Failure]:
    """Write `experiments.csv` and what follows from it, `epistemic.csv`; nothing without shares."""
    pieces, folder = pieces_of(plan), folder_of(plan, workspace, unavailable)
    if not pieces:
        announce(EXPERIMENTS, "nothing to do: the preset has none")
        return []
    missing = [piece for piece in pieces if not (folder / piece.file).exists()]
    work = partial(_measure, plan, unavailable)
    workspace.in_parallel(work, missing, stage=EXPERIMENTS, what="parts")
    tables = [read_table(folder, piece.file, ExperimentRow) for piece in pieces]
    rows = pd.concat(tables, ignore_index=True)
    rows = in_order(rows, ("level", "method", "members", "replicate", "condition", "measure"))
    write_table(rows, workspace.out, EXPERIMENTS_CSV)
    levels = [piece.what for piece in pieces if isinstance(piece.what, Level)]
    network = next(filter(plan.is_network, plan.configuration.classes), "")
    table = analysed(rows, levels, len(plan.task.classes), network)
    write_table(table, workspace.out, EPISTEMIC_CSV)
    failed = where(rows, statistic=FAILED)[["method", "level", "measure"]].to_numpy(str)
    return [Failure(f"{method} at {level}", why) for method, level, why in failed]


def pieces_of(plan: Plan) -> list[Piece]:
    """The parts of a run's experiments; none without shares."""
    if not plan.configuration.shares:
        return []
    levels = (*sizes(plan.configuration.shares), *NOISES, PAIRS)
    works: tuple[Level | Draw, ...] = (*levels, "bootstrap", "tenths")
    return [Piece(*each) for each in product(works, range(plan.configuration.replicates))]


def folder_of(plan: Plan, workspace: Workspace, unavailable: Collection[str] = ()) -> Path:
    """Where the rows of each part are: another folder for another configuration, or more images."""
    key = derive_seed(json.dumps(plan.configuration.identity), *sorted(unavailable))
    return workspace.out / PARTS / f"{key:x}"


@one_torch_thread()
def _measure(plan: Plan, unavailable: Collection[str], workspace: Workspace, piece: Piece) -> None:
    """Write the rows of a part; what fails has a row with the reason, and the others go on."""
    rows, what = list[ExperimentRow](), piece.what
    if isinstance(what, Level):
        images = _images(plan, workspace, what, piece.replicate)
        groups = _groups(plan, unavailable)
        for unit in _units(plan, piece.replicate):
            row = partial(ExperimentRow, what.name, unit.method)
            with _failing(rows, partial(row, "", piece.replicate)):
                method = _fitted(plan, workspace, unit, *images)
                draws, values = _values(plan, workspace, groups, what, method.draws)
                members = members_of(unit, draws)
                rows += [row(members, piece.replicate, *each) for each in values]
    else:
        row = partial(ExperimentRow, what, "", "", piece.replicate)
        with _failing(rows, row):
            variances = components(_probabilities(plan, workspace, what, piece.replicate))
            rows += [row(CLEAN, "", name, value) for name, value in variances.items()]
    folder = folder_of(plan, workspace, unavailable)
    write_table(table_of(ExperimentRow, rows), folder, piece.file, ExperimentRow)


@contextmanager
def _failing(
    rows: list[ExperimentRow], row: Callable[[str, str, str, float | None], ExperimentRow]
) -> Iterator[None]:
    """Whatever a method raises is its own failure."""
    try:
        yield
    except NO_FAILURES:
        raise
    except Exception as error:
        rows.append(row("", reason_of(error), FAILED, None))


def _seed(plan: Plan, replicate: int) -> int:
    """By which a replicate draws its training images."""
    return derive_seed(EXPERIMENTS, plan.configuration.seed, replicate)


def _units(plan: Plan, replicate: int) -> list[RunUnit]:
    """Of each method that is applicable, this replicate of its largest size."""
    units = [unit for unit in plan.units() if unit.replicate == replicate]
    largest = {unit.method: unit for unit in sorted(units, key=lambda unit: unit.size or 0)}
    return [unit for unit in largest.values() if plan.objection(unit) is None]


def _images(
    plan: Plan, workspace: Workspace, level: Level, replicate: int
) -> tuple[LabelledImages, LabelledImages | None]:
    """The training images of a level, and the calibration images, if no network sees them."""
    whole, classes = workspace.images(plan.task, plan.recipe.split), len(plan.task.classes)
    training = level.training(whole, classes, _seed(plan, replicate))
    if plan.recipe.split == "all" or not plan.task.calibration_images:
        return training, None
    held_out = workspace.images(plan.task, "calibration")
    return training, replace(held_out, labels=level.test_labels(held_out.labels, classes))


def _fitted(
    plan: Plan,
    workspace: Workspace,
    unit: RunUnit,
    training: LabelledImages,
    held_out: LabelledImages | None,
) -> UncertaintyMethod:
    """The unit's method, whose networks take as many steps as on all images."""
    kind = plan.configuration.classes[unit.method]
    build = partial(kind.build, _pool(plan, workspace, training), unit.replicate, unit.size)
    seed_call(build(), "__init__")
    return fit(build(), training, held_out)


def _pool(plan: Plan, workspace: Workspace, training: LabelledImages) -> NetworkPool:
    whole = plan.task.images_to_train_with(plan.recipe.split)
    recipe = recipe_of(plan.recipe, len(training.labels), whole)
    return NetworkPool(recipe, plan.configuration.seed, plan.engine, workspace.store)


def _probabilities(
    plan: Plan, workspace: Workspace, kind: Draw, replicate: int
) -> Float64[Tensor, "draws seeds images classes"]:
    """Of clean images, by networks of each draw of the training images."""
    whole = workspace.images(plan.task, plan.recipe.split)
    clean = workspace.evaluation_set(plan.task.condition(CLEAN), plan).images
    seeds = range(replicate * SEEDS, (replicate + 1) * SEEDS)
    by_draw = []
    for number in range(DRAWS):
        training = drawn(whole, kind, number, _seed(plan, replicate))
        pool = _pool(plan, workspace, training)
        networks = pool.engine.prepare(pool.networks(seeds, training))
        by_draw.append(networks.logits(clean).double().softmax(dim=-1))
    return torch.stack(by_draw)


def recipe_of(recipe: Recipe, images: int, whole: int) -> Recipe:
    """The recipe with as many steps for so many images as it takes for all."""
    per_epoch = -(-images // recipe.batch_size)
    return replace(recipe, epochs=recipe.steps(whole) / per_epoch, best_epochs=None)


def components(probabilities: Float64[Tensor, "draws seeds images classes"]) -> dict[str, float]:
    """Components of variance by draw of the data, by seed, and of both together.

    The two-way random-effects model without replication (Searle, Casella & McCulloch 1992, section
    4.3): with D draws and S seeds, E MS_draw = S σ²_draw + σ²_both, E MS_seed = D σ²_seed +
    σ²_both, and E MS_both = σ²_both. Each is estimated by its mean squares, so that it may be
    negative; summed over classes, and a mean over images.
    """
    draws, seeds = probabilities.shape[:2]
    grand = probabilities.mean(dim=(0, 1), keepdim=True)
    by_draw = probabilities.mean(dim=1, keepdim=True)
    by_seed = probabilities.mean(dim=0, keepdim=True)

    def total(deviations: Tensor) -> float:
        return deviations.square().sum(dim=(0, 1, 3)).mean().item()

    both = total(probabilities - by_draw - by_seed + grand) / ((draws - 1) * (seeds - 1))
    draw = (seeds * total(by_draw - grand) / (draws - 1) - both) / seeds
    seed = (draws * total(by_seed - grand) / (seeds - 1) - both) / draws
    return {"draw": draw, "seed": seed, "both": both}


def _values(
    plan: Plan,
    workspace: Workspace,
    conditions: Mapping[str, Sequence[str]],
    level: Level,
    draws: Draws,
) -> tuple[int, list[Value]]:
    """How many draws a method has, and its numbers at a level."""
    groups = {
        group: [
            DrawnValues.of(draws, workspace.evaluation_set(plan.task.condition(name), plan))
            for name in names
        ]
        for group, names in conditions.items()
    }
    (clean,) = groups[CLEAN]
    labels = level.test_labels(cast(Tensor, clean.evaluated.labels), len(plan.task.classes))
    values = [*means(groups), *scores(clean, labels)]
    if level == WHOLE:
        values += rankings(groups)
        people = people_of(plan.task, workspace.data_dir)
        values += [] if people is None else against_people(clean, people)
    return clean.draws, values


def _groups(plan: Plan, unavailable: Collection[str]) -> dict[str, list[str]]:
    """The conditions of each measure that decides, by the name of their mean."""
    own = [c for c in plan.conditions if c.name not in unavailable]
    headline = headline_conditions(condition_records(own)).values()
    named = {
        group: [c.name for c in own if c.in_mean and mean_name(c.group) == group]
        for group in headline
    }
    return {CLEAN: [CLEAN]} | {group: names for group, names in named.items() if names}
