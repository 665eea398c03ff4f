"""What a run can be made of, as tables in the terminal: ``uncertainty-bench --list``."""

from __future__ import annotations

from benchmarks.io import print_table
from benchmarks.run.configuration import PRESETS, configuration_of
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import STAGES
from methods import METHODS


def list_choices(task_name: str) -> None:
    """Print what can be chosen, a table a kind; recipes and conditions are those of one task."""
    configuration_of("quick", task_name)  # refuses an unknown task
    task = TASKS[task_name]
    recipes = {recipe.name for recipe in task.recipes}
    names = [name for name, preset in PRESETS.items() if preset.recipe_of(task) in recipes]
    presets = [configuration_of(name, task_name) for name in names]
    print_table(
        ("--preset", "recipe", "budgets", "methods", "conditions", "images"),
        [
            (
                *(chosen.preset, chosen.recipe, ", ".join(f"{b:g}" for b in chosen.budgets)),
                *(len(chosen.methods), len(chosen.conditions), chosen.images or "all"),
            )
            for chosen in presets
        ],
    )
    print_table(
        ("--task", "label", "classes", "training images", "test images"),
        [
            (
                *(each.name, each.label, len(each.classes)),
                *(each.images_to_train_with("all"), each.test_images),
            )
            for each in TASKS.values()
        ],
    )
    print_table(
        ("--recipe", "network", "epochs", "dropout", "loss on"),
        [
            (each.name, each.network.name, each.epochs, each.dropout, each.loss)
            for each in task.recipes
        ],
    )
    print_table(
        ("--methods", "label", "source"),
        [(each.name, each.label, each.citation) for each in METHODS.values()],
    )
    print_table(
        ("--conditions", "label", "group", "labels"),
        [(each.name, each.label, each.group, each.labels) for each in task.conditions],
    )
    print(f" --only      {' '.join(STAGES)}")
