"""What a group of run units costs, for the division of a run into parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.predictions import RunUnit
from benchmarks.run.parts.shares import Work

if TYPE_CHECKING:
    from benchmarks.run.plan import Plan

EPOCH, BY_PASS, EXACTLY = 9.0, 0.15, 80_000.0
"""What an epoch of training costs for each test image, and a prediction by a pass with dropout or
by a slow method, as measured with the kernels; one network's prediction of an image costs 1."""


def work_of(plan: Plan, group: tuple[RunUnit, ...]) -> Work:
    """The networks and the work of a group, whose largest unit comes first."""
    largest = group[0]
    method = plan.configuration.classes[largest.method]
    if plan.objection(largest) is not None:
        return Work(frozenset(), 0.0, 0.0)
    images = sum(
        min(plan.images_of(condition) or plan.task.test_images, plan.task.test_images)
        for condition in plan.conditions_of(largest)
    )
    each = EXACTLY if method.slow else 1.0 if method.counts_networks else BY_PASS
    return Work(
        plan.networks_of_unit(largest),
        predicting=images * each * (largest.size or 1),
        training=plan.pool(largest.recipe).recipe.epochs * EPOCH * plan.task.test_images,
    )
