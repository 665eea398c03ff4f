"""What a run can be made of, as tables in the terminal: ``uncertainty-bench --list``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.io import terminal_text
from benchmarks.run.configuration import PRESETS, configuration_of
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import STAGES
from methods import METHODS


def list_choices(task_name: str) -> None:
    """Print what can be chosen, a table a kind; recipes and conditions are those of one task."""
    configuration_of("quick", task_name)  # refuses an unknown task
    task = TASKS[task_name]
    presets = [configuration_of(name, task_name) for name in PRESETS if PRESETS[name].recipes(task)]
    _print_table(
        "--preset",
        ("methods", "conditions", "images", "networks", "recipes"),
        {
            chosen.preset: (
                len(chosen.methods),
                len(chosen.conditions),
                chosen.images or "all",
                max(chosen.members),
                ", ".join(chosen.recipes),
            )
            for chosen in presets
        },
    )
    _print_table(
        "--task",
        ("label", "classes", "training images", "test images"),
        {
            known.name: (
                known.label,
                len(known.classes),
                known.images_to_train_with("all"),
                known.test_images,
            )
            for known in TASKS.values()
        },
    )
    _print_table(
        "--recipe",
        ("network", "epochs", "dropout", "loss on"),
        {
            recipe.name: (
                recipe.network.name,
                recipe.epochs,
                recipe.dropout,
                recipe.loss,
            )
            for recipe in task.every_recipe
        },
    )
    _print_table(
        "--methods",
        ("label", "source"),
        {method.name: (method.label, method.citation) for method in METHODS.values()},
    )
    _print_table(
        "--conditions",
        ("label", "group", "labels"),
        {
            condition.name: (condition.label, condition.group, condition.labels)
            for condition in task.conditions
        },
    )
    print(f" --only      {' '.join(STAGES)}")


def _print_table(
    option: str, headings: Sequence[str], rows: Mapping[str, Sequence[object]]
) -> None:
    """Print what an option can be: its names, and columns of what these are."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(option, no_wrap=True)
    for heading, column in zip(headings, zip(*rows.values(), strict=True), strict=True):
        words = " ".join(map(str, (heading, *column))).split()
        table.add_column(heading, overflow="fold", min_width=max(map(len, words)))
    for name, cells in rows.items():
        table.add_row(*(terminal_text(str(cell)) for cell in (name, *cells)))
    Console().print(table)
