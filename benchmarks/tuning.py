"""How training is chosen: ``python -m benchmarks.tuning`` writes ``results/tuning.csv``.

Of the recipe `WELL_TRAINED`, and of each method with a network of its own, six settings train a few
networks for a few epochs. Chosen is the setting with the least NLL on the calibration images, for
all tasks the same: the least mean, over tasks, of the NLL divided by the task's least. The length
by which one network of the recipe does best is chosen for each task, among those that the budgets 1
to 5 allow. No test image is loaded. What is chosen stands in the recipes and in class fields of the
methods; a test holds both together. A trial that is in the table already is not trained again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf, isfinite
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, cast

import pandas as pd
import torch
from joblib import Parallel, delayed

from benchmarks.schema import read_table, table_of, write_table
from benchmarks.tasks import TASKS, Task
from benchmarks.tasks.task import Split
from methods import METHODS, PooledMethod
from methods.determinism import one_torch_thread
from methods.engines import choose_engine
from methods.networks.pool import NetworkPool
from methods.networks.recipes import WELL_TRAINED, LabelledImages
from methods.networks.training import TrainingDivergedError
from methods.softmax import Softmax
from methods.trained.base import TrainedMethod, retuned

TUNING_CSV = "tuning.csv"

Setting = Mapping[str, Any]


def _products(**values: Sequence[float]) -> list[Setting]:
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


LENGTH = f"{WELL_TRAINED.name} length"
"""The trials of how long one network of the recipe is trained."""

RATES = _products(learning_rate=(0.003, 0.01, 0.03, 0.06, 0.1, 0.2))

TRIALS: dict[str, Sequence[Setting]] = {
    WELL_TRAINED.name: (
        {"learning_rate": 0.01},
        {"learning_rate": 0.03},
        {"learning_rate": 0.1},
        {"learning_rate": 0.03, "momentum": 0.95},
        {"learning_rate": 0.03, "l2_penalty": 0.0},
        {"learning_rate": 0.03, "l2_penalty": 1e-4},
    ),
    LENGTH: [{"epochs": WELL_TRAINED.lasting(budget).epochs} for budget in range(1, 6)],
    "batch_ensemble": RATES,
    "packed_ensemble": RATES,
    "mimo": _products(learning_rate=(0.03, 0.1, 0.3), repetition=(0.3, 0.6)),
    "shallow_ensemble": _products(learning_rate=(0.01, 0.03, 0.06, 0.1, 0.2, 0.4)),
    "masksembles": RATES,
    "variational": _products(learning_rate=(0.001, 0.003, 0.01), initial_rho=(-7.0, -5.0)),
    "ivon": _products(learning_rate=(0.03, 0.1, 0.3), hessian=(0.1, 0.5)),
    "cyclical_sghmc": RATES,
    "sngp": _products(learning_rate=(0.03, 0.1, 0.3), bound=(0.95, 2.0)),
    "evidential": _products(learning_rate=(0.01, 0.03, 0.1), annealing=(0.5, 1.0)),
}
"""By recipe or method six settings: the parts of it that are changed; and five lengths.

Where the best of three rates was the largest, all three were moved up by one, once.
"""

EPOCHS, NETWORKS = 3, 3
"""Of each setting."""

SPLITS: tuple[Split, Split] = ("training", "calibration")
"""What networks are trained on, and judged by."""


@dataclass(frozen=True)
class Trial:
    """A row of ``tuning.csv``.

    Attributes:
        task: what is learned.
        name: of the recipe, of its length, or of the method, whose network is trained by
            `WELL_TRAINED` else.
        setting: what is changed of it.
        nll: on the calibration images, in nats; the mean over networks. ``None``: one diverged, or
            its NLL is infinite.
        deviation: the standard deviation of networks.
        chosen: whether it is the setting chosen for all tasks, or the length for this one.
    """

    task: str
    name: str
    setting: str
    nll: float | None
    deviation: float | None
    chosen: bool = False


def setting_text(setting: Setting) -> str:
    """A setting in a table.

    >>> setting_text({"learning_rate": 0.03, "momentum": 0.95})
    'learning_rate 0.03, momentum 0.95'
    """
    return ", ".join(f"{name} {value:g}" for name, value in setting.items())


def tried(
    task: Task, name: str, setting: Setting, training: LabelledImages, held_out: LabelledImages
) -> Trial:
    """A trial of a recipe or method, not chosen yet."""
    recipe = replace(task.recipe(WELL_TRAINED.name), epochs=EPOCHS, best_epochs=None)
    kind: type[PooledMethod] = Softmax
    if name in (recipe.name, LENGTH):
        recipe = replace(recipe, **setting)
    else:
        kind = retuned(cast(type[TrainedMethod], METHODS[name]), setting)
    losses = []
    for replicate in range(NETWORKS):
        pool = NetworkPool(recipe, engine=choose_engine(recipes=[recipe]))
        try:
            fitted = kind(pool=pool, replicate=replicate).fit(training.images, training.labels)
            prediction = fitted.predict(held_out.images)
        except TrainingDivergedError:
            return Trial(task.name, name, setting_text(setting), None, None)
        right = prediction.mean[torch.arange(len(held_out.labels)), held_out.labels]
        losses.append(-right.log().mean().item())
        if not isfinite(losses[-1]):
            return Trial(task.name, name, setting_text(setting), None, None)
    nll, deviation = round(fmean(losses), 6), round(stdev(losses), 6)
    return Trial(task.name, name, setting_text(setting), nll, deviation)


def with_choices(trials: Sequence[Trial]) -> list[Trial]:
    """The trials, with the one chosen of each name, of a length of each task."""
    table = pd.DataFrame(trials)
    least = table.groupby(["task", "name"])["nll"].transform("min")
    ratio = (table["nll"] / least).fillna(inf)
    best: dict[object, str] = {}
    together = table["name"].where(table["name"] != LENGTH, table["task"] + " " + LENGTH)
    for name, own in ratio.groupby(together):
        means = own.groupby(table["setting"]).mean()
        if means.min() < inf:
            best[name] = str(means.idxmin())
    return [
        replace(trial, chosen=best.get(name) == trial.setting)
        for name, trial in zip(together, trials, strict=True)
    ]


def main(folder: Path = Path(__file__).parents[1] / "results") -> None:
    """Try what is not in the table yet, on all cores, and write the table after each name."""
    kept: dict[tuple[str, str, str], Trial] = {}
    if (folder / TUNING_CSV).exists():
        table = read_table(folder, TUNING_CSV, Trial).astype(object)
        for row in table.where(table.notna(), None).to_dict("records"):
            trial = Trial(**{str(name): value for name, value in row.items()})
            if trial.setting in map(setting_text, TRIALS.get(trial.name, ())):
                kept[trial.task, trial.name, trial.setting] = trial
    tasks = [task for task in TASKS.values() if task.recipes[0].network is WELL_TRAINED.network]
    for name, settings in TRIALS.items():
        missing = [
            (task, name, setting)
            for task, setting in product(tasks, settings)
            if (task.name, name, setting_text(setting)) not in kept
        ]
        for trial in Parallel(n_jobs=-1)(delayed(_alone)(*each) for each in missing):
            kept[trial.task, trial.name, trial.setting] = trial
        write_table(table_of(Trial, with_choices([*kept.values()])), folder, TUNING_CSV, Trial)
        print(f"{name}: {len(missing)} trials", flush=True)


def _alone(task: Task, name: str, setting: Setting) -> Trial:
    with one_torch_thread():
        training, held_out = (task.split(split, None) for split in SPLITS)
        return tried(task, name, setting, training, held_out)


if __name__ == "__main__":
    main()
