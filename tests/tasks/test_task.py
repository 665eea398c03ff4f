"""The splits of a task, and the groups of its conditions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.tasks import TASKS
from benchmarks.tasks.conditions import Condition, mean_label
from benchmarks.tasks.mnist import MNIST
from methods.networks.labelled_images import LabelledImages

LABELS = torch.arange(120) % 4


def load(split: str, data_dir: Path | None) -> LabelledImages:
    count = {"train": 120, "test": 20}[split]
    return LabelledImages(torch.arange(float(count)).reshape(-1, 1, 1, 1), LABELS[:count])


TASK = replace(MNIST, name="numbers", calibration_images=40, load=load)


def numbers(split: str) -> list[int]:
    return TASK.split(split, None).images.flatten().int().tolist()  # type: ignore[arg-type]


def test_training_and_calibration_images_are_all_and_disjoint() -> None:
    training, calibration = numbers("training"), numbers("calibration")
    assert sorted(training + calibration) == numbers("all") == list(range(120))
    assert len(calibration) == 40
    assert training == sorted(training)


def test_calibration_images_are_stratified_and_always_the_same() -> None:
    held_out = TASK.split("calibration", None)
    assert held_out.labels.bincount().tolist() == [10] * 4
    assert held_out.fingerprint == TASK.split("calibration", None).fingerprint


def test_task_without_calibration_images_trains_on_all() -> None:
    task = replace(TASK, calibration_images=0)
    assert len(task.split("training", None).labels) == 120
    assert len(task.split("calibration", None).labels) == 0


def test_mnist_holds_out_five_thousand() -> None:
    held_out = MNIST.split("calibration", None)
    assert held_out.images.shape == (5000, *MNIST.shape)
    assert held_out.labels.bincount().tolist() == [500] * 10
    assert len(MNIST.split("training", None).labels) == 55_000


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_fields_of_a_task_agree(task: object) -> None:
    assert isinstance(task, type(MNIST))
    names = [condition.name for condition in task.conditions]
    assert names[0] == "clean"
    assert len(names) == len(set(names))
    for condition in (*task.conditions, *task.subset_conditions):
        assert task.condition(condition.reference).reference == condition.reference
        assert condition.paired_with in (condition.name, condition.reference)
        assert (condition.labels == "valid") == (not condition.reason)
    test = task.split("test", None)
    assert test.images.shape == (task.test_images, *task.shape)
    assert int(test.labels.max()) == len(task.classes) - 1
    assert len(task.split("training", None).labels) == task.training_images
    assert len(task.split("calibration", None).labels) == task.calibration_images
    assert task.calibration is not None
    held_out = task.evaluation_set(task.calibration, None, seed=3, data_dir=None)
    assert torch.equal(held_out.images, task.split("calibration", None).images)
    for recipe in task.recipes:
        trained_on = task.split(recipe.split, None)
        assert len(trained_on.labels) == task.images_to_train_with(recipe.split)
        assert recipe.network.shape == task.shape


def severities(*values: float, unit: str = "°") -> list[Condition]:
    return [Condition(f"r{v}", f"{v}{unit}", "r", "", severity=v) for v in values]


def test_mean_is_called_by_its_range_where_that_says_all() -> None:
    assert mean_label(severities(15, 30, 45)) == "Mean 15°–45°"
    assert mean_label(severities(15, 45, 60)) == "Mean of 15°, 45°, 60°"
    assert mean_label(severities(1, 2, unit=" px")) == "Mean of 1 px, 2 px"
    named = [Condition(name, name, "natural", "") for name in "abc"]
    assert mean_label(named) == "Mean of a, b, c"
