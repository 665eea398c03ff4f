"""Conditions of images that belong to none of a task's classes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.data.loading import IMAGES, load_out_of_distribution
from benchmarks.tasks.conditions import LONG, Condition, EvaluationSet


def out_of_distribution(
    name: str,
    label: str,
    *,
    presets: tuple[str, ...] = ("quick", *LONG),
    size: int = IMAGES,
    load: Callable[[int, Path | None], EvaluationSet] | None = None,
) -> Condition:
    """The condition of a set of images.

    Args:
        name: of the set.
        label: in print.
        presets: those that evaluate it unless conditions are named.
        size, load: how many images it has, and what loads them; by default 10,000 of 28x28 pixels,
            of one of `benchmarks.data.loading.OUT_OF_DISTRIBUTION`.
    """
    return Condition(
        name=f"ood-{name}",
        label=label,
        group="out-of-distribution",
        data=name,
        labels="none",
        reason="out-of-distribution images have no label",
        paired_with=f"ood-{name}",
        presets=presets,
        size=size,
        load=load or partial(_load, name),
    )


def _load(name: str, seed: int, data_dir: Path | None) -> EvaluationSet:
    return EvaluationSet(load_out_of_distribution(name, seed=seed, data_dir=data_dir), None)
