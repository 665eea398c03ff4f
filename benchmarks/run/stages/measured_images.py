"""Everything that the stage `measure` computes from the predictions of one set of images.

Each prediction is read once. What its images contribute is formed once; measures, resamples and
curves come from it, and it is let go before the next is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain

import numpy as np
import pandas as pd

from benchmarks.inference.comparisons import Estimates, compare
from benchmarks.inference.image_values import Fits, ImageValues, Measure, fits_to
from benchmarks.inference.resampling import Draws, ImageSet, MeanDraws, resampled
from benchmarks.inference.sides import Relations
from benchmarks.io import UserError
from benchmarks.metrics import METRICS
from benchmarks.metrics.metric import Weights
from benchmarks.predictions import THE_RUN, RunUnit, StoredPrediction, members_of
from benchmarks.run.configuration import stored_scores
from benchmarks.run.curves import (
    Evaluation,
    Row,
    curve_tables,
    curves_of,
    drawn_units,
    example_votes,
)
from benchmarks.run.failure import failure_reason
from benchmarks.run.kept_rows import COMPARED_ALONE, KeptRows
from benchmarks.run.measurement_rows import Measured, measured, rows_of, without_value
from benchmarks.run.plan import Plan
from benchmarks.run.presets import USUAL_SIZES, is_basic
from benchmarks.run.sampling_error import limits, sampling_errors, sampling_table
from benchmarks.run.summary import means_over_groups, summarise
from benchmarks.run.workspace import Workspace
from benchmarks.schema import Comparison, Measurement, WorthRow, members_text, table_of
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import CLEAN, SELF_TRAINED, mean_name
from methods import UncertaintyMethod
from methods.threads import one_torch_thread

Tables = dict[str, pd.DataFrame]
"""By the names that they have in the folder of a run, without their ending."""


@one_torch_thread()
def measure_images(
    plan: Plan,
    fits: Mapping[RunUnit, Fits],
    left_out: frozenset[str],
    workspace: Workspace,
    conditions: Sequence[Condition],
) -> Tables:
    """The tables of some conditions, and of their mean where they are all that it averages.

    Args:
        fits: of each run unit, what is fitted to its prediction of the calibration images.
        left_out: the conditions whose images cannot be had.
    """
    results = _Results(plan, workspace, fits)
    for condition in conditions:
        if condition.name not in left_out:
            results.add(condition)
    if conditions[0].in_mean and not left_out.intersection(c.name for c in conditions):
        results.add_mean()
    return results.tables


def image_sets(plan: Plan) -> list[tuple[Condition, ...]]:
    """What is measured at once: the conditions of a mean, and every other condition alone."""
    sets: dict[tuple[bool, str], list[Condition]] = {}
    for condition in plan.conditions:
        averaged = condition.in_mean
        key = averaged, condition.group if averaged else condition.name
        sets.setdefault(key, []).append(condition)
    # The largest first: it cannot be split, and one worker would wait for the other.
    return sorted((tuple(each) for each in sets.values()), key=len, reverse=True)


@one_torch_thread()
def fits_of(plan: Plan, workspace: Workspace, unit: RunUnit) -> tuple[RunUnit, Fits]:
    """What is fitted to a unit's prediction of the calibration images, if there is one."""
    images = plan.calibration_of(unit)
    stored = None if images is None else load(plan, workspace, unit, images.name)
    return unit, fits_to(stored)


def load(
    plan: Plan, workspace: Workspace, unit: RunUnit, condition: str
) -> StoredPrediction | None:
    """A unit's prediction, if there is one.

    Raises:
        UserError: it is damaged, or was predicted by another run.
    """
    store = workspace.predictions
    stored = store.load_if_there(unit, condition)
    digest = plan.configuration.digest
    if stored is not None and stored.sources.get(THE_RUN, digest) != digest:
        raise UserError(
            f"the prediction file {store.path(unit)} is of another run; the stage predict "
            "computes it again"
        )
    return stored


class _Results:
    """What is computed of one set of images, condition by condition and unit by unit."""

    def __init__(self, plan: Plan, workspace: Workspace, fits: Mapping[RunUnit, Fits]) -> None:
        self._plan, self._workspace, self._fits = plan, workspace, fits
        self._conditions = {condition.name: condition for condition in plan.conditions}
        store, units = workspace.predictions, self._plan.units()
        self._drawn = drawn_units(self._plan, lambda unit: store.holds(unit, CLEAN))
        chosen = self._plan.configuration
        self._evaluation = Evaluation(self._plan.whole_conditions, chosen.resamples, chosen.seed)
        self._limits = set(chain.from_iterable(limits(self._plan).items()))
        self._weights: dict[ImageSet, list[Weights]] = {}
        self._references: dict[object, ImageValues] = {}
        self._units = {unit: self._plan.conditions_of(unit) for unit in units}
        self._rows: list[Measurement] = []
        self._kept: list[bool] = []
        self._curves: list[tuple[str, Row]] = []
        self._sampling: list[Row] = []
        self._machines: set[str] = set()
        self._estimates = [Estimates.joined(())]
        self._mean: MeanDraws | None = None

    def add(self, condition: Condition) -> None:
        """Measure every unit under a condition, and compare them."""
        averaged = any(c.in_mean and c.group == condition.group for c in self._plan.conditions)
        draws = Draws(condition.name, condition, with_mean=averaged and not condition.subset)
        of_limits: dict[RunUnit, StoredPrediction] = {}
        for unit, conditions in self._units.items():
            if condition in conditions:
                stored = self._add_unit(draws, unit, condition)
                if stored is not None and unit in self._limits:
                    of_limits[unit] = stored
        self._sampling += sampling_errors(self._plan, condition.name, of_limits)
        self._compare(draws)
        if condition.in_mean:
            self._mean = self._mean or MeanDraws(mean_name(condition.group))
            self._mean.add(draws, ImageSet.of(condition, self._conditions))

    def add_mean(self) -> None:
        """Compare the units by the mean over the conditions."""
        if self._mean is not None:
            self._compare(self._mean.finish())

    @property
    def tables(self) -> Tables:
        """What was computed, as tables."""
        rows = table_of(Measurement, self._rows)
        means = means_over_groups(rows, self._plan.conditions)
        groups = {mean_name(one.group): one for one in self._plan.conditions if one.in_mean}
        columns = (means[name] for name in ("method", "condition", "metric", "score"))
        kept = [
            self._rule(method).of_mean(groups[condition], METRICS[metric], score)
            for method, condition, metric, score in zip(*columns, strict=True)
        ]
        # No list, which of no rows would be of no columns.
        both = rows[np.array(self._kept, dtype=bool)], means[np.array(kept, dtype=bool)]
        measurements = pd.concat(both, ignore_index=True)
        estimates = Estimates.joined(self._estimates)
        return {
            "measurements": measurements,
            "summary": summarise(measurements, estimates.intervals),
            "comparisons": table_of(Comparison, estimates.comparisons),
            "worth": table_of(WorthRow, estimates.worths),
            **curve_tables(self._curves),
            "sampling_error": sampling_table(self._sampling),
            "machines": pd.DataFrame({"machine": sorted(self._machines)}),
        }

    def _rule(self, method: str) -> KeptRows:
        return KeptRows(self._plan.configuration.classes[method].primary_score, self._plan.all_rows)

    def _add_unit(
        self, draws: Draws, unit: RunUnit, condition: Condition
    ) -> StoredPrediction | None:
        plan, rule = self._plan, self._rule(unit.method)
        objection = plan.objection(unit)
        stored = load(plan, self._workspace, unit, condition.name)
        compared = not condition.detected or self._workspace.predictions.holds(
            unit, condition.reference
        )
        if objection is not None or stored is None or not compared:
            members, scores = self._known_of(unit)
            reason = failure_reason(self._workspace, unit)
            if stored is not None:
                reason = f"{condition.reference}, which it is compared with: {reason}"
            status = "failed" if objection is None else "not applicable"
            missing = rule.measures(condition, scores)
            rows = without_value(unit, condition, members, missing, status, objection or reason)
            self._note(rule, condition, rows)
            return None
        self._machines.add(stored.machine)
        measures = partial(rule.measures, condition)
        own = ImageValues([stored], self._fits[unit], measures)
        reference = self._reference_of(unit, condition, measures(own.own_scores)) or own
        draws.images, draws.reference_images = own.images, reference.images
        draws.members[unit] = members_text(own.members)
        weights = self._weights_of(condition, own.images)
        of_reference = self._weights_of(self._conditions[condition.reference], reference.images)
        against = reference if condition.detected else None
        for each in measured(measures(own.own_scores), own, against):
            self._note(rule, condition, rows_of(unit, condition, each, own, reference))
            if self._is_resampled(unit, condition, each):
                drawn = resampled(each.family, each.prepared, weights, of_reference)
                draws.add(unit, each.family, each.score, each.values, drawn)
        if (curves := self._drawn.get(unit)) is not None:
            self._curves += curves_of(self._evaluation, curves, condition, own, reference)
            self._curves += example_votes(plan, curves, condition, stored)
        return stored

    def _known_of(self, unit: RunUnit) -> tuple[str, Collection[str]]:
        """A unit's members and own scores, by whatever is stored of it or of another replicate."""
        alike = (other for other in self._units if other.variant == unit.variant)
        for other in (unit, *alike):
            for condition in self._workspace.predictions.conditions(other):
                stored = load(self._plan, self._workspace, other, condition)
                if stored is not None:
                    return members_of(other, stored), tuple(stored.prediction.scores)
        return members_of(unit, None), ()

    def _note(self, rule: KeptRows, condition: Condition, rows: Iterable[Measurement]) -> None:
        for row in rows:
            self._rows.append(row)
            self._kept.append(rule.of_condition(condition, METRICS[row.metric], row.score))

    def _reference_of(
        self, unit: RunUnit, condition: Condition, measures: Iterable[Measure]
    ) -> ImageValues | None:
        """Of the images that the condition's are compared with; ``None``: they are these."""
        if not condition.detected:
            return None
        wanted = [(family, score) for family, score in measures if "reference" in family.needs]
        key = unit, condition.reference, tuple(score for _, score in wanted)
        if (known := self._references.get(key)) is None:
            stored = load(self._plan, self._workspace, unit, condition.reference)
            assert stored is not None
            known = ImageValues([stored], measures=lambda _: wanted)
            # Of all units they are gigabytes: kept for the other conditions of a mean alone.
            if condition.in_mean:
                self._references[key] = known
        return known

    def _weights_of(self, condition: Condition, images: int) -> list[Weights]:
        drawn, chosen = ImageSet.of(condition, self._conditions), self._plan.configuration
        if drawn not in self._weights:
            weights = drawn.weights(images, chosen.resamples, chosen.seed)
            self._weights[drawn] = list(weights)
        return self._weights[drawn]

    def _is_resampled(self, unit: RunUnit, condition: Condition, measured: Measured) -> bool:
        """Not most of the sizes that are not compared, under single conditions of a group.

        Those of MC-dropout are resampled for the measures of labels alone, whose mean is shown by
        number of members; those of ensembles also for their methods' primary scores, by which
        others have a worth in networks.
        """
        plan, family = self._plan, measured.family
        if measured.prepared is None or not family.resampled:
            return False
        if plan.is_compared(unit) or not condition.is_one_of_many:
            return True
        of_labels = condition.in_mean and "labels" in family.needs and "score" not in family.needs
        primary = {method.primary_score for method in plan.configuration.classes.values()}
        return of_labels or (plan.forms_ensembles(unit.method) and measured.score in ("", *primary))

    def _compare(self, draws: Draws) -> None:
        """Compare the methods of all recipes that are fitted on the same images."""
        plan = self._plan
        for recipes, relations in self._relations:
            units = [unit for unit in draws.members if unit.recipe in (*recipes, SELF_TRAINED)]
            by_score = [
                unit
                for unit in units
                if plan.is_compared(unit) or plan.forms_ensembles(unit.method)
            ]
            severities = METRICS.keys() if plan.all_rows else COMPARED_ALONE
            self._estimates.append(
                compare(draws, units, relations, by_score=by_score, severities=severities)
            )

    @cached_property
    def _relations(self) -> list[tuple[list[str], Relations]]:
        """What is known of the methods of recipes that are compared with one another."""
        plan, classes = self._plan, self._plan.configuration.classes.items()
        splits: dict[str, list[str]] = {}
        for recipe in plan.recipes_compared:
            split = "" if recipe == SELF_TRAINED else plan.configuration.recipe(recipe).split
            splits.setdefault(split, []).append(recipe)
        relations = Relations(
            {name: method.probabilities_of for name, method in classes if method.probabilities_of},
            {(unit.recipe, unit.method): plan.split(unit) for unit in self._units},
            [name for name, _ in classes if plan.forms_ensembles(name)],
            {name: method.primary_score for name, method in classes},
            USUAL_SIZES,
            [name for name, _ in classes if is_basic(name)],
            [name for name, method in classes if _is_single(method)],
            sorted(stored_scores(plan.configuration)),
        )
        return [(recipes, relations) for recipes in splits.values()]


def _is_single(method: type[UncertaintyMethod]) -> bool:
    """Whether its prediction is that of a trained network alone."""
    return method.pooled and not method.size and not method.needs
