"""How training is chosen: ``python -m benchmarks.tuning`` writes ``results/tuning.csv``.

Each setting trains a few networks for a few epochs; the least mean NLL on the calibration images is
chosen. No test image is loaded. What is chosen stands in the recipe; `tests` hold both together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from torch.nn.functional import cross_entropy

from benchmarks.schema import table_of, write_table
from benchmarks.tasks import TASKS, Task
from methods.engines import choose_engine
from methods.networks.recipes import WELL_TRAINED, LabelledImages, Recipe
from methods.networks.training import TrainedNetwork, train_networks

TUNING_CSV = "tuning.csv"

TRIALS: dict[str, Sequence[Mapping[str, Any]]] = {
    WELL_TRAINED.name: (
        {"learning_rate": 0.01},
        {"learning_rate": 0.03},
        {"learning_rate": 0.1},
        {"learning_rate": 0.03, "momentum": 0.95},
        {"learning_rate": 0.03, "l2_penalty": 0.0},
        {"learning_rate": 0.03, "l2_penalty": 1e-4},
    )
}
"""Of each recipe six settings: the parts of it that are changed."""

EPOCHS, NETWORKS = 3, 3
"""Of each setting."""


@dataclass(frozen=True)
class Trial:
    """A row of ``tuning.csv``.

    Attributes:
        task, recipe: what is trained.
        setting: what is changed of the recipe.
        nll: on the calibration images, in nats; the mean over networks. ``None``: one diverged.
        deviation: the standard deviation of networks.
        chosen: whether it is the least of its recipe and task.
    """

    task: str
    recipe: str
    setting: str
    nll: float | None
    deviation: float | None
    chosen: bool = False


def trials(
    task: Task, recipe: Recipe, training: LabelledImages, held_out: LabelledImages
) -> list[Trial]:
    """A row a setting of the recipe."""
    tried = [_tried(task, recipe, setting, training, held_out) for setting in TRIALS[recipe.name]]
    known = [trial.nll for trial in tried if trial.nll is not None]
    return [replace(trial, chosen=bool(known) and trial.nll == min(known)) for trial in tried]


def setting_text(setting: Mapping[str, Any]) -> str:
    """A setting in a table.

    >>> setting_text({"learning_rate": 0.03, "momentum": 0.95})
    'learning_rate 0.03, momentum 0.95'
    """
    return ", ".join(f"{name} {value:g}" for name, value in setting.items())


def _tried(
    task: Task,
    recipe: Recipe,
    setting: Mapping[str, Any],
    training: LabelledImages,
    held_out: LabelledImages,
) -> Trial:
    short = replace(recipe, epochs=EPOCHS, **setting)
    engine = choose_engine(recipes=[short])
    outcomes = [train_networks(short, [i], training, engine=engine)[0] for i in range(NETWORKS)]
    networks = [outcome.network for outcome in outcomes if isinstance(outcome, TrainedNetwork)]
    words = setting_text(setting)
    if len(networks) < NETWORKS:
        return Trial(task.name, recipe.name, words, None, None)
    logits = engine.prepare(networks).logits(held_out.images)
    losses = [cross_entropy(own.double(), held_out.labels).item() for own in logits]
    return Trial(task.name, recipe.name, words, round(fmean(losses), 6), round(stdev(losses), 6))


def main(folder: Path = Path(__file__).parents[1] / "results") -> None:
    """Try the settings of every recipe of every task that has it, and write the table."""

    def rows() -> Iterator[Trial]:
        for task in TASKS.values():
            for recipe in task.every_recipe:
                if recipe.name in TRIALS:
                    training = task.split("training", None)
                    held_out = task.split("calibration", None)
                    yield from trials(task, recipe, training, held_out)

    write_table(table_of(Trial, rows()), folder, TUNING_CSV, Trial)


if __name__ == "__main__":
    main()
