"""What figures compare: the run units, the conditions, and the images that divide them most."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.predictions import PredictionStore, RunUnit
from benchmarks.run.plan import Plan
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import CLEAN, SELF_TRAINED

HIGH_DISAGREEMENT = 12
"""How many images of the highest divergence are shown."""


class Ranked(NamedTuple):
    """An image, under the condition in which some value of it is highest."""

    condition: Condition
    image: int
    value: float


def compared_replicates(plan: Plan, store: PredictionStore) -> list[list[RunUnit]]:
    """The replicates with predictions, in their order, of each recipe, method and compared size."""
    found: dict[tuple[str, str, int], list[RunUnit]] = {}
    for unit in sorted(filter(plan.is_compared, plan.units()), key=lambda unit: unit.replicate):
        if plan.objection(unit) is None and store.holds(unit, CLEAN):
            found.setdefault((unit.recipe, unit.method, unit.size or 0), []).append(unit)
    return [found[key] for key in sorted(found)]


def first_replicates(plan: Plan, store: PredictionStore) -> list[RunUnit]:
    """The first replicate with predictions, of each method, compared size and recipe."""
    return [replicates[0] for replicates in compared_replicates(plan, store)]


def largest_units(plan: Plan, store: PredictionStore, recipe: str) -> list[RunUnit]:
    """The largest size of each method of a recipe, and of the methods that train themselves."""
    largest = {
        unit.method: unit
        for unit in first_replicates(plan, store)
        if unit.recipe in (recipe, SELF_TRAINED)
    }
    return [largest[method] for method in sorted(largest)]


def well_defined_conditions(
    plan: Plan, store: PredictionStore, units: list[RunUnit]
) -> list[Condition]:
    """The conditions with well-defined labels of which all the units have predictions."""
    return [
        condition
        for condition in plan.whole_conditions
        if condition.labels == "valid" and all(store.holds(unit, condition.name) for unit in units)
    ]


def typical_conditions(plan: Plan) -> list[Condition]:
    """The conditions with well-defined labels whose curves are drawn.

    Of a group with severities and a mean those at a third and at two thirds of it; of one without
    severities none; all others.
    """
    chosen = []
    for condition in plan.whole_conditions:
        averaged = [c for c in plan.whole_conditions if c.group == condition.group and c.in_mean]
        thirds = {-(-len(averaged) // 3) - 1, -(-2 * len(averaged) // 3) - 1}
        if condition in averaged and (
            condition.severity is None or averaged.index(condition) not in thirds
        ):
            continue
        if condition.labels == "valid":
            chosen.append(condition)
    return chosen


def example_image(plan: Plan, labels: Int64[Tensor, " images"] | None) -> int | None:
    """The index of the first image of the task's example class, or ``None`` if there is none."""
    if labels is None:
        return None
    indices = (labels == plan.task.example_class).nonzero().flatten().tolist()
    return int(indices[0]) if indices else None


def shows_example(condition: Condition) -> bool:
    """Whether its images are those of the clean condition, changed or not."""
    return condition.paired_with == CLEAN


def high_disagreement_images(plan: Plan, store: PredictionStore, recipe: str) -> list[Ranked]:
    """The images of the highest `divergence` between the largest sizes of a recipe's methods.

    Under the conditions with well-defined labels; none if there is only one method.
    """
    units = largest_units(plan, store, recipe)
    if len(units) < 2:
        return []
    values = {c: divergence(store, units, c) for c in well_defined_conditions(plan, store, units)}
    return highest(values, HIGH_DISAGREEMENT)


def highest(values: dict[Condition, Float[Tensor, " images"]], count: int) -> list[Ranked]:
    """The images of the highest values, each under one condition only, and none of value 0."""
    paired: dict[str, list[Condition]] = {}
    for condition in values:
        paired.setdefault(condition.paired_with, []).append(condition)
    ranked: list[Ranked] = []
    for conditions in paired.values():
        # Rounded, so that images are ranked alike on every machine.
        of_each, where = torch.stack([values[c] for c in conditions]).round(decimals=9).max(dim=0)
        ranked += [
            Ranked(conditions[int(where[image])], int(image), float(of_each[image]))
            for image in of_each.sort(descending=True, stable=True).indices[:count]
            if of_each[image] > 0
        ]
    return sorted(ranked, key=lambda one: -one.value)[:count]


def divergence(
    store: PredictionStore, units: list[RunUnit], condition: Condition
) -> Float[Tensor, " images"]:
    """How much the votes of run units differ on each image, in nats.

    The Jensen–Shannon divergence (Lin 1991, equation 5.1), H(mean_k s_k) − mean_k H(s_k) with s_k
    the vote shares of unit k: 0 where these are equal, however much the members of each disagree.
    """
    shares = torch.stack([store.load(unit, condition.name).prediction.vote_share for unit in units])
    entropy_of_mean = torch.special.entr(shares.mean(dim=0)).sum(dim=-1)
    difference: Tensor = entropy_of_mean - torch.special.entr(shares).sum(dim=-1).mean(dim=0)
    return difference
