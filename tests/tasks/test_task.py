"""The splits of a task, and the groups of its conditions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.io import UserError
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.task import Condition, EvaluationSet, ImageTransform
from methods.networks.recipes import LabelledImages

LABELS = torch.arange(120) % 4


def load(split: str, data_dir: Path | None) -> LabelledImages:
    count = {"train": 120, "test": 20}[split]
    return LabelledImages(torch.arange(float(count)).reshape(-1, 1, 1, 1), LABELS[:count])


TASK = replace(MNIST, name="numbers", calibration_images=40, groups=None, load=load)


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


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_fields_of_a_task_agree(task: object) -> None:
    assert isinstance(task, type(MNIST))
    names = [condition.name for condition in task.conditions]
    assert names[0] == "clean"
    assert len(names) == len(set(names))
    for condition in (*task.conditions, *task.subset_conditions):
        assert task.condition(condition.reference).reference == condition.reference
        pair = task.condition(condition.paired_with)
        assert pair.name in (condition.name, condition.reference) or pair.group == condition.group
        assert (pair.size, pair.data) == (condition.size, condition.data)
        assert (condition.labels == "valid") == (not condition.reason)
    test = task.split("test", None)
    assert test.images.shape == (task.test_images, *task.shape)
    assert int(test.labels.max()) == len(task.classes) - 1
    assert len(task.split("training", None).labels) == task.training_images
    assert len(task.split("calibration", None).labels) == task.calibration_images
    assert task.calibration is not None
    held_out = task.evaluation_set(task.calibration, seed=3, data_dir=None)
    assert torch.equal(held_out.images, task.split("calibration", None).images)
    for recipe in task.recipes:
        trained_on = task.split(recipe.split, None)
        assert len(trained_on.labels) == task.images_to_train_with(recipe.split)
        assert recipe.network.shape == task.shape


@pytest.mark.parametrize("name", ["training", "calibration", "subset-calibration", "rotated-015"])
def test_condition_of_a_name_that_is_taken_is_refused(name: str) -> None:
    mine = Condition(name, "Mine", "mine", "mnist", reference=name, paired_with=name)
    with pytest.raises(ValueError, match="no name twice, nor one of a split"):
        replace(MNIST, conditions=(*MNIST.conditions, mine))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": "low contrast"}, "has the group 'low contrast'; .* digits and -$"),
        ({"name": "Dim"}, "has the name 'Dim'; expected lower-case letters, digits and _ or -$"),
        ({"name": "dim\n"}, "has the name"),
    ],
)
def test_condition_whose_name_or_group_cannot_be_a_files_is_refused(
    change: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        Condition(**{"name": "dim", "label": "Dim", "group": "dim", "data": "mnist"} | change)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "rotated-45"}, "has the reference 'rotated-45', which .* choose from clean"),
        # A subset is compared with that of its reference.
        ({"reference": "rotated-015", "has_subset": True}, "'subset-rotated-015'"),
    ],
)
def test_condition_that_names_one_that_there_is_not_is_refused(
    change: dict[str, Any], message: str
) -> None:
    dim = replace(MNIST.conditions[0], name="dim", group="dim", **change)
    with pytest.raises(ValueError, match=message):
        replace(MNIST, conditions=(*MNIST.conditions, dim))


def test_references_of_the_chosen_are_evaluated_too() -> None:
    added = (
        Condition(name, name, "dim", "mnist", reference=reference)
        for name, reference in (("dim-1", "dim-2"), ("dim-2", "rotated-090"))
    )
    task = replace(MNIST, conditions=(*MNIST.conditions, *added))
    assert task.matching(("dim-1",)) == ("clean", "rotated-090", "dim-1", "dim-2")
    assert task.matching(("dim-2",)) == ("clean", "rotated-090", "dim-2")


def evaluated(condition: Condition) -> EvaluationSet:
    clean = MNIST.conditions[0]
    task = replace(TASK, shape=(1, 1, 1), conditions=(clean, condition))
    return task.evaluation_set(condition, seed=0, data_dir=None)


@pytest.mark.parametrize(
    "transform",
    [
        lambda images: images.repeat(1, 1, 1, 2),
        lambda images: images[:7],
        lambda images: images[:, 0],
    ],
)
def test_images_of_another_shape_than_the_tasks_are_refused(transform: ImageTransform) -> None:
    with pytest.raises(UserError, match=r"'dim' have the shape .*; expected \[20, 1, 1, 1\]"):
        evaluated(Condition("dim", "Dim", "dim", "numbers", transform=transform))


def test_groups_of_another_number_of_images_are_refused() -> None:
    task = replace(TASK, shape=(1, 1, 1), groups=lambda: torch.arange(19))
    with pytest.raises(UserError, match=r"groups .* have the shape \[19\]; expected \[20\]"):
        task.evaluation_set(task.condition("clean"), seed=0, data_dir=None)


def test_labelled_condition_without_labels_is_refused() -> None:
    unlabelled = EvaluationSet(torch.zeros(5, 1, 1, 1), None)
    condition = Condition("dim", "Dim", "dim", "numbers", load=lambda seed, folder: unlabelled)
    with pytest.raises(UserError, match="has labels='valid', but no labels are loaded"):
        evaluated(condition)
