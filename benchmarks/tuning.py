"""How settings are chosen: ``python -m benchmarks.tuning [TASK OR METHOD ...]``.

It adds to ``benchmarks/tasks/tuning.csv``. Of the recipe `WELL_TRAINED`, and of each method with a
knob, eight settings train two networks each, as long as they are used: by a budget of 1. Where the
best of them lies on an edge of its grid, two more follow, beyond it. Chosen is, for each task, the
setting with the least NLL on the calibration images. The length by which one network of the recipe
does best is chosen among those that the budgets 1 to 5 allow. No test image is loaded. Methods
train by what is chosen (see `benchmarks.tasks.tuned`); what is chosen of the recipe stands in the
tasks, and a test holds both together. A trial that is in the table already is not made again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isfinite, nan
from pathlib import Path
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from joblib import Parallel, delayed

from benchmarks.run.configuration import NETWORKS as NETWORK_FOLDER
from benchmarks.schema import read_table, table_of, write_table
from benchmarks.tasks import TASKS, Task
from benchmarks.tasks.task import Split
from benchmarks.tasks.tuned import LENGTH, TUNING_CSV, TUNING_FOLDER, settings_of
from methods import METHODS, PooledMethod
from methods.determinism import one_torch_thread
from methods.engines import choose_engine
from methods.networks.pool import NetworkPool, NetworkStore
from methods.networks.recipes import WELL_TRAINED, LabelledImages, Settings
from methods.networks.training import TrainingDivergedError
from methods.softmax import Softmax


class Knob(NamedTuple):
    """The values of a setting that are tried.

    Attributes:
        values: at first, ascending.
        below, above: where the least or the largest is best, the nearest first.
    """

    values: tuple[float | str, ...]
    below: tuple[float, ...] = ()
    above: tuple[float, ...] = ()

    def beyond(self, best: float | str) -> tuple[float, ...]:
        """What is to be tried next; empty: the best is on no edge."""
        if best == self.values[0]:
            return self.below
        return self.above if best == self.values[-1] else ()


RATE = Knob((0.01, 0.03, 0.06, 0.1), below=(0.003, 0.001), above=(0.2, 0.4))
OWN_RATE = {
    "learning_rate": Knob(
        (0.003, 0.006, 0.01, 0.02, 0.03, 0.045, 0.06, 0.1), (0.001, 0.0003), (0.15, 0.2)
    )
}
"""Of methods that train by the recipe, with another learning rate."""

PENALTY = Knob((2e-4, 1e-3), below=(5e-5, 0.0), above=(2e-3, 4e-3))
PRECISION = Knob((1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3), (0.3, 0.1), (1e4, 3e4))

KNOBS: Mapping[str, Mapping[str, Knob]] = {
    WELL_TRAINED.name: {
        "learning_rate": RATE,
        "l2_penalty": Knob((1e-4, 5e-4), below=(2e-5, 0.0), above=(1e-3, 2e-3)),
    },
    LENGTH: {"epochs": Knob(tuple(WELL_TRAINED.lasting(b).epochs for b in range(1, 6)))},
    "mc_dropout": {
        "rate": Knob((0.05, 0.1, 0.25, 0.5), below=(0.02, 0.01)),
        "placement": Knob(("channels", "linear")),
    },
    "test_time_augmentation": {
        "strength": Knob((0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0), (0.1, 0.05), (2.5, 3.0))
    },
    "laplace_last_layer": {"prior_precision": PRECISION},
    "laplace_kron": {"prior_precision": PRECISION},
    "swag": OWN_RATE,
    "snapshot_ensemble": OWN_RATE,
    "fast_geometric_ensemble": OWN_RATE,
    "weight_averaging": OWN_RATE,
    "batch_ensemble": {"learning_rate": RATE, "l2_penalty": PENALTY},
    "packed_ensemble": {
        "learning_rate": Knob((0.03, 0.06, 0.1, 0.2), (0.01, 0.003), (0.3, 0.4)),
        "l2_penalty": PENALTY,
    },
    "mimo": {
        "learning_rate": RATE,
        "repetition": Knob((0.3, 0.6), below=(0.1, 0.0), above=(0.8, 0.9)),
    },
    "shallow_ensemble": {"learning_rate": RATE, "l2_penalty": PENALTY},
    "masksembles": {"learning_rate": RATE, "scale": Knob((1.5, 2.0), (1.2, 1.1), (2.5, 3.0))},
    "variational": {
        "learning_rate": Knob((0.001, 0.003, 0.006, 0.01), (3e-4, 1e-4), (0.02, 0.03)),
        "initial_rho": Knob((-7.0, -5.0), below=(-9.0, -11.0), above=(-4.0, -3.0)),
    },
    "ivon": {
        "learning_rate": Knob((0.03, 0.06, 0.1, 0.2), (0.01, 0.003), (0.3, 0.4)),
        "hessian": Knob((0.1, 0.5), below=(0.05, 0.01), above=(1.0, 2.0)),
    },
    "cyclical_sghmc": {"learning_rate": RATE, "l2_penalty": PENALTY},
    "sngp": {"learning_rate": RATE, "bound": Knob((2.0, 4.0), below=(1.5, 1.0), above=(6.0, 8.0))},
    "evidential": {
        "learning_rate": Knob((0.006, 0.01, 0.02, 0.03), (0.003, 0.001), (0.06, 0.1)),
        "annealing": Knob((0.5, 1.0), below=(0.25, 0.1)),
    },
}
"""By recipe or method, its knobs; of two, all pairs are tried, eight settings in all."""

NETWORKS = 2
"""Of each setting."""

SPLITS: tuple[Split, Split] = ("training", "calibration")
"""What networks are trained on, and judged by."""


@dataclass(frozen=True)
class Trial:
    """A row of ``tuning.csv``.

    Attributes:
        task: what is learned.
        name: of the recipe, of its length, or of the method, whose networks are trained by
            `WELL_TRAINED` else.
        setting: what is changed of it.
        nll: on the calibration images, in nats; the mean over networks. NaN: see ``reason``.
        deviation: the standard deviation of networks.
        chosen: whether it is the setting of least NLL.
        reason: why it has no NLL.
    """

    task: str
    name: str
    setting: str
    nll: float
    deviation: float
    chosen: bool = False
    reason: str = ""

    @property
    def of(self) -> tuple[str, str]:
        """Task and name."""
        return self.task, self.name


def setting_text(setting: Settings) -> str:
    """A setting in a table.

    >>> setting_text({"learning_rate": 0.03, "placement": "linear"})
    'learning_rate 0.03, placement linear'
    """
    texts = (value if isinstance(value, str) else f"{value:g}" for value in setting.values())
    return ", ".join(f"{name} {text}" for name, text in zip(setting, texts, strict=True))


def settings_to_try(name: str, nlls: Mapping[str, float]) -> list[Settings]:
    """Those of a recipe or method that are tried; beyond its grid once all of this are known.

    Args:
        nlls: what is known, by the texts of settings; NaN where there is none.
    """
    knobs = KNOBS[name]
    grid = product(*(knob.values for knob in knobs.values()))
    first: list[Settings] = [dict(zip(knobs, values, strict=True)) for values in grid]
    known = {setting_text(each): each for each in first}
    finite = {text: nlls[text] for text in known if isfinite(nlls.get(text, nan))}
    if not finite or not known.keys() <= nlls.keys():
        return first
    best = known[min(finite, key=finite.__getitem__)]
    edges = {knob: beyond for knob, each in knobs.items() if (beyond := each.beyond(best[knob]))}
    # Two in all: one of each knob, or two of the only one.
    further = [
        {**best, knob: value}
        for knob, beyond in edges.items()
        for value in beyond[: 1 if len(edges) > 1 else 2]
    ]
    return [*first, *further]


def tried(
    task: Task,
    name: str,
    setting: Settings,
    training: LabelledImages,
    held_out: LabelledImages,
    chosen: Mapping[str, Any] = MappingProxyType({}),
) -> Trial:
    """A trial of a recipe or method, not chosen yet.

    Args:
        chosen: what is chosen of the recipe already.
    """
    recipe = replace(task.recipe(WELL_TRAINED.name), best_epochs=None, **chosen)
    kind = Softmax if name in (recipe.name, LENGTH) else METHODS[name]
    assert issubclass(kind, PooledMethod)
    changed: Mapping[str, Any] = setting if kind is Softmax else {"tuned": {name: setting}}
    recipe = replace(recipe, **changed)
    losses = []
    for replicate in range(NETWORKS):
        engine = choose_engine(recipes=[recipe])
        pool = NetworkPool(recipe, engine=engine, store=NetworkStore(NETWORK_FOLDER))
        try:
            method = kind.build(pool, replicate, next(iter(kind.sweep), None))
            prediction = method.fit(training.images, training.labels).predict(held_out.images)
        except TrainingDivergedError as error:
            return Trial(task.name, name, setting_text(setting), nan, nan, reason=str(error))
        right = prediction.mean[torch.arange(len(held_out.labels)), held_out.labels]
        losses.append(-right.log().mean().item())
        if not isfinite(losses[-1]):
            reason = f"the NLL of network {replicate} is {losses[-1]}"
            return Trial(task.name, name, setting_text(setting), nan, nan, reason=reason)
    nll, deviation = round(fmean(losses), 6), round(stdev(losses), 6)
    return Trial(task.name, name, setting_text(setting), nll, deviation)


def with_choices(trials: Sequence[Trial]) -> Iterator[Trial]:
    """The trials, with the one chosen of each name and task; of equal ones, the first."""
    best: dict[tuple[str, str], Trial] = {}
    for trial in trials:
        if isfinite(trial.nll) and not (trial.of in best and best[trial.of].nll <= trial.nll):
            best[trial.of] = trial
    for trial in trials:
        yield replace(trial, chosen=trial is best.get(trial.of))


def chosen_recipe(task: Task, trials: Sequence[Trial]) -> Settings:
    """What is chosen of a task's recipe; empty: nothing yet."""
    chosen = (t.setting for t in trials if t.chosen and t.of == (task.name, WELL_TRAINED.name))
    return next(map(settings_of, chosen), {})


def main(chosen: Sequence[str], folder: Path = TUNING_FOLDER) -> None:
    """Try what is not in the table yet, on all cores, and write the table after each trial.

    Args:
        chosen: of these tasks, or of these recipes and methods; by default of all.
    """
    tasks = [task for task in TASKS.values() if task.recipes[0].network is WELL_TRAINED.network]
    if unknown := {*chosen} - {*KNOBS, *(task.name for task in tasks)}:
        raise SystemExit(f"{sorted(unknown)[0]!r} is no task or method that is tuned")
    tasks = [task for task in tasks if task.name in chosen] or tasks
    names = [name for name in KNOBS if name in chosen] or [*KNOBS]
    kept: list[Trial] = []
    if (folder / TUNING_CSV).exists():
        rows = read_table(folder, TUNING_CSV, Trial).astype(object).to_dict("records")
        trials = [Trial(**{str(key): value for key, value in row.items()}) for row in rows]
        kept = list(with_choices(trials))
    for task, name in product(tasks, names):
        while True:
            nlls = {trial.setting: trial.nll for trial in kept if trial.of == (task.name, name)}
            missing = [s for s in settings_to_try(name, nlls) if setting_text(s) not in nlls]
            if not missing:
                break
            recipe = chosen_recipe(task, kept)
            jobs = (delayed(_alone)(task, name, setting, recipe) for setting in missing)
            for trial in Parallel(n_jobs=-1, return_as="generator_unordered")(jobs):
                kept = list(with_choices([*kept, trial]))
                write_table(table_of(Trial, kept), folder, TUNING_CSV, Trial)
                print(*(trial.task, trial.name, trial.setting, trial.nll), flush=True)


def _alone(task: Task, name: str, setting: Settings, recipe: Settings) -> Trial:
    with one_torch_thread():
        training, held_out = (task.split(split, None) for split in SPLITS)
        return tried(task, name, setting, training, held_out, recipe)


if __name__ == "__main__":
    main(sys.argv[1:])
