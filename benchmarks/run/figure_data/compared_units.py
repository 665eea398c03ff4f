"""The run units that figures compare, and the conditions under which they are compared."""

from __future__ import annotations

from benchmarks.predictions import PredictionStore, RunUnit
from benchmarks.run.plan import Plan
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import CLEAN, SELF_TRAINED


def first_replicates(plan: Plan, store: PredictionStore) -> list[RunUnit]:
    """The first replicate with predictions, of each method, compared size and recipe."""
    first: dict[tuple[str, str, int], RunUnit] = {}
    for unit in sorted(filter(plan.is_compared, plan.units()), key=lambda unit: unit.replicate):
        if plan.objection(unit) is None and store.holds(unit, CLEAN):
            first.setdefault((unit.recipe, unit.method, unit.size or 0), unit)
    return [first[key] for key in sorted(first)]


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
        if condition.labelled
        and not condition.labels_ill_defined
        and all(store.holds(unit, condition.name) for unit in units)
    ]
