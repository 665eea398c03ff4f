"""The stage `measure`: recompute every number from the prediction files.

Each prediction is read once. What its images contribute is formed once; measures, resamples and
curves come from it, and it is let go before the next is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from benchmarks.inference.comparisons import Estimates, compare, comparisons_table, worths_table
from benchmarks.inference.image_values import Fits, ImageValues, RankedFamily, fits_to
from benchmarks.inference.intervals import Relations
from benchmarks.inference.resampling import Draws, ImageSet, MeanDraws, resampled
from benchmarks.metrics import METRICS
from benchmarks.metrics.metric import Weights
from benchmarks.predictions import RunUnit, StoredPrediction, members_of
from benchmarks.run.configuration import USUAL_SIZES, is_basic, stored_scores
from benchmarks.run.curves import (
    COLUMNS,
    CurveRow,
    Evaluation,
    curve_tables,
    curves_of,
    drawn_units,
    example_votes,
    limits_of_sampled,
    sampling_errors,
    sampling_table,
)
from benchmarks.run.measurements import (
    COMPARED_ALONE,
    FamilyValues,
    KeptRows,
    means_over_groups,
    measured,
    rows_of,
    summarise,
    without_value,
)
from benchmarks.run.plan import Plan
from benchmarks.run.reading import predicted_conditions, read_prediction
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Failure, Workspace
from benchmarks.schema import (
    Comparison,
    Measurement,
    WorthRow,
    in_order,
    members_text,
    read_table,
    table_of,
    write_table,
)
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import (
    CLEAN,
    COMPARISONS_CSV,
    CURVES_FOLDER,
    FINISHED_FOLDER,
    MEASURE,
    MEASUREMENTS_CSV,
    SELF_TRAINED,
    SUMMARY_CSV,
    WORTH_CSV,
    mean_name,
)
from methods.determinism import one_torch_thread

ARRANGED: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    MEASUREMENTS_CSV: in_order,
    SUMMARY_CSV: in_order,
    COMPARISONS_CSV: comparisons_table,
    WORTH_CSV: worths_table,
}
"""How the rows of all sets of images become the tables of a run."""

CURVES_ORDER = ("recipe", "method", "members", "replicate")
"""How the rows of curves are sorted, which keep the order of conditions and points."""

ConditionSet = tuple[Condition, ...]
"""What is measured at once: the conditions of a mean, or a single one."""


def measure(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Recompute every number from the prediction files.

    Writes `measurements.csv`, `summary.csv`, `comparisons.csv`, `worth.csv` and `curves/`, one set
    of images after the other. Continued after an interrupt, it computes what was not finished.
    """
    units = plan.units()
    held = {unit: predicted_conditions(plan, workspace, unit) for unit in units}
    absent = {
        unit: [c.name for c in plan.predicted(unit) if c.name not in names]
        for unit, names in held.items()
    }
    # Of other images that cannot be had now, there are predictions of an earlier start.
    left_out = frozenset(record.unavailable).difference(*held.values())
    fits = workspace.in_parallel(
        partial(fits_of, plan), units, stage=MEASURE, what="run units' calibration"
    )
    decides = {
        **record.code,
        "all_rows": plan.all_rows,
        "left_out": sorted(left_out),
        "absent": {
            unit.name: [workspace.failure_reason(unit), *names] for unit, names in absent.items()
        },
        # Of code that was modified, nobody knows how.
        "once": uuid4().hex if str(record.code["commit"]).endswith("modified") else "",
    }
    key = sha256(json.dumps(decides).encode()).hexdigest()
    finished = workspace.out / FINISHED_FOLDER / key
    work = partial(_measure_once, plan, dict(fits), left_out, finished)
    done = workspace.in_parallel(work, image_sets(plan), stage=MEASURE, what="sets of images")
    order = [condition.name for condition in plan.conditions if condition.name in done]
    _write_tables([finished / name for name in order], plan, workspace.out, record)
    return _without_predictions(plan, workspace, left_out, absent)


def _measure_once(
    plan: Plan,
    fits: Mapping[RunUnit, Fits],
    left_out: frozenset[str],
    finished: Path,
    workspace: Workspace,
    conditions: ConditionSet,
) -> str:
    """Write the tables of some conditions, unless they are there; they appear whole or not at all.

    Args:
        finished: the folder that theirs lie in, which is named by what decides them.

    Returns:
        The name of their folder there.
    """
    folder = finished / conditions[0].name
    if folder.exists():
        return folder.name
    # Workers of a cluster may do the same at the same time.
    part = folder.with_name(f".{folder.name}-{uuid4().hex}")
    for name, table in measure_images(plan, fits, left_out, workspace, conditions).items():
        write_table(table, part, f"{name}.csv")
    try:
        part.rename(folder)
    except OSError:
        if not folder.exists():
            raise
    return folder.name


def _write_tables(folders: Sequence[Path], plan: Plan, out: Path, record: RunRecord) -> None:
    """Join the tables of all sets of images."""

    def joined(name: str) -> pd.DataFrame:
        tables = [read_table(folder, name) for folder in folders]
        kept = [table for table in tables if len(table)] or tables[:1]
        return pd.concat(kept, ignore_index=True)

    for name, arranged in ARRANGED.items():
        write_table(arranged(joined(name)).assign(task=plan.task.name), out, name)
    for name in COLUMNS:
        curves = in_order(joined(f"{name}.csv"), CURVES_ORDER)
        write_table(curves, out / CURVES_FOLDER, f"{name}.csv")
    sampling = joined("sampling_error.csv")
    if len(sampling):
        write_table(sampling, out / CURVES_FOLDER, "sampling_error.csv")
    record.note_machines("predictions", joined("machines.csv")["machine"], anew=True)


def _without_predictions(
    plan: Plan,
    workspace: Workspace,
    left_out: frozenset[str],
    absent: Mapping[RunUnit, list[str]],
) -> list[Failure]:
    """The methods that failed, and in one line all predictions that are missing beside."""
    failures, missing = [], []
    for unit, names in absent.items():
        names = [name for name in names if name not in left_out]
        if not names or plan.objection(unit) is not None:
            continue
        if workspace.error_path(unit).exists():
            failures.append(Failure(unit.name, workspace.failure_reason(unit)))
        else:
            missing += [f"{unit.name}/{name}" for name in names]
    if missing:
        what = "1 prediction is" if len(missing) == 1 else f"{len(missing)} predictions are"
        reason = f"{what} missing, first: {missing[0]}; run without --only to compute them"
        failures.append(Failure(MEASURE, reason))
    return failures


def image_sets(plan: Plan) -> list[ConditionSet]:
    """What is measured at once: the conditions of a mean, and every other condition alone."""
    sets: dict[str, list[Condition]] = {}
    for condition in plan.conditions:
        key = mean_name(condition.group) if condition.in_mean else condition.name
        sets.setdefault(key, []).append(condition)
    # The largest first: it cannot be split, and one worker would wait for the other.
    return sorted(map(tuple, sets.values()), key=len, reverse=True)


@one_torch_thread()
def measure_images(
    plan: Plan,
    fits: Mapping[RunUnit, Fits],
    left_out: frozenset[str],
    workspace: Workspace,
    conditions: ConditionSet,
) -> dict[str, pd.DataFrame]:
    """The tables of some conditions, and of their mean where they are all that it averages.

    Args:
        fits: of each run unit, what is fitted to its prediction of the calibration images.
        left_out: the conditions whose images cannot be had.

    Returns:
        By the names that they have in the folder of a run, without their ending.
    """
    results = _MeasuredRun(plan, workspace, fits)
    for condition in conditions:
        if condition.name not in left_out:
            results.add(condition)
    if conditions[0].in_mean and not left_out.intersection(c.name for c in conditions):
        results.add_mean()
    return results.tables


@one_torch_thread()
def fits_of(plan: Plan, workspace: Workspace, unit: RunUnit) -> tuple[RunUnit, Fits]:
    """What is fitted to a unit's prediction of the calibration images, if there is one."""
    images = plan.calibration_of(unit)
    stored = None if images is None else read_prediction(plan, workspace, unit, images.name)
    return unit, dict(fits_to(stored))  # which pickle can send, of no fits as well


class _MeasuredRun:
    """What is computed of one set of images, condition by condition and unit by unit."""

    def __init__(self, plan: Plan, workspace: Workspace, fits: Mapping[RunUnit, Fits]) -> None:
        self._plan, self._workspace, self._fits = plan, workspace, fits
        self._units = {unit: plan.conditions_of(unit) for unit in plan.units()}
        self._classes = plan.configuration.classes
        self._conditions = {condition.name: condition for condition in plan.conditions}
        self._groups = {c.group: c for c in plan.conditions if c.in_mean}
        self._compared = set(filter(plan.is_compared, self._units))
        self._drawn = drawn_units(plan, lambda u: CLEAN in predicted_conditions(plan, workspace, u))
        chosen = plan.configuration
        self._evaluation = Evaluation(plan.whole_conditions, chosen.resamples, chosen.seed)
        self._limits = limits_of_sampled(plan)
        self._paired = {*self._limits, *self._limits.values()}
        self._weights: dict[ImageSet, list[Weights]] = {}
        self._references: dict[object, ImageValues] = {}
        self._rows: list[Measurement] = []
        self._kept: list[bool] = []
        self._curves: list[tuple[str, CurveRow]] = []
        self._sampling: list[CurveRow] = []
        self._machines: set[str] = set()
        self._estimates = [Estimates.joined(())]
        self._mean: MeanDraws | None = None

    def add(self, condition: Condition) -> None:
        """Measure every unit under a condition, and compare them."""
        averaged = condition.group in self._groups and not condition.subset
        draws = Draws(condition.name, condition, with_mean=averaged)
        sampled: dict[RunUnit, StoredPrediction] = {}
        for unit, conditions in self._units.items():
            if condition in conditions:
                stored = self._add_unit(draws, unit, condition)
                if stored is not None and unit in self._paired:
                    sampled[unit] = stored
        self._sampling += sampling_errors(self._limits, condition.name, sampled)
        self._compare(draws)
        if condition.in_mean:
            self._mean = self._mean or MeanDraws(mean_name(condition.group))
            self._mean.add(draws, ImageSet.of(condition, self._conditions))

    def add_mean(self) -> None:
        """Compare the units by the mean over the conditions."""
        if self._mean is not None:
            self._compare(self._mean.finish())

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What was computed, as tables."""
        rows = table_of(Measurement, self._rows)
        means = means_over_groups(rows, self._plan.conditions)
        averaged = {mean_name(group): condition for group, condition in self._groups.items()}
        columns = (means[name] for name in ("method", "condition", "metric", "score"))
        kept = [
            self._rule(method).keeps_mean(averaged[condition], METRICS[metric], score)
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
        return KeptRows(self._classes[method].primary_score, self._plan.all_rows)

    def _add_unit(
        self, draws: Draws, unit: RunUnit, condition: Condition
    ) -> StoredPrediction | None:
        plan, rule = self._plan, self._rule(unit.method)
        objection = plan.objection(unit)
        stored = read_prediction(plan, self._workspace, unit, condition.name)
        compared = not condition.detected or condition.reference in predicted_conditions(
            plan, self._workspace, unit
        )
        if objection is not None or stored is None or not compared:
            members, scores = self._known_of(unit)
            reason = self._workspace.failure_reason(unit)
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
        reference_weights = self._weights_of(
            self._conditions[condition.reference], reference.images
        )
        against = reference if condition.detected else None
        for each in measured(measures(own.own_scores), own, against):
            self._note(rule, condition, rows_of(unit, condition, each, own, reference))
            if self._is_resampled(unit, condition, each):
                drawn = resampled(each.family, each.prepared, weights, reference_weights)
                draws.add(unit, each.family, each.score, each.values, drawn)
        if (curves := self._drawn.get(unit)) is not None:
            self._curves += curves_of(self._evaluation, curves, condition, own, reference)
            self._curves += example_votes(plan, curves, condition, stored)
        return stored

    def _known_of(self, unit: RunUnit) -> tuple[str, Collection[str]]:
        """A unit's members and own scores, by whatever is stored of it or of another replicate."""
        alike = (other for other in self._units if other.variant == unit.variant)
        for other in (unit, *alike):
            for condition in predicted_conditions(self._plan, self._workspace, other):
                stored = read_prediction(self._plan, self._workspace, other, condition)
                if stored is not None:
                    return members_of(other, stored), tuple(stored.prediction.scores)
        return members_of(unit, None), ()

    def _note(self, rule: KeptRows, condition: Condition, rows: Iterable[Measurement]) -> None:
        for row in rows:
            self._rows.append(row)
            self._kept.append(rule.keeps(condition, METRICS[row.metric], row.score))

    def _reference_of(
        self, unit: RunUnit, condition: Condition, measures: Iterable[RankedFamily]
    ) -> ImageValues | None:
        """Of the images that the condition's are compared with; ``None``: they are these."""
        if not condition.detected:
            return None
        wanted = [(family, score) for family, score in measures if "reference" in family.needs]
        key = unit, condition.reference, tuple(score for _, score in wanted)
        if (known := self._references.get(key)) is None:
            stored = read_prediction(self._plan, self._workspace, unit, condition.reference)
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

    def _is_resampled(self, unit: RunUnit, condition: Condition, values: FamilyValues) -> bool:
        """Not most of the sizes that are not compared, under single conditions of a group.

        Those of MC-dropout are resampled for the measures of labels alone, whose mean is shown by
        number of members; those of ensembles also for their methods' primary scores, by which
        others have a worth in networks.
        """
        family = values.family
        if values.prepared is None or not family.resampled:
            return False
        if unit in self._compared or not condition.is_one_of_many:
            return True
        if condition.in_mean and "labels" in family.needs and "score" not in family.needs:
            return True
        primary = {method.primary_score for method in self._classes.values()}
        return self._plan.forms_ensembles(unit.method) and values.score in ("", *primary)

    def _compare(self, draws: Draws) -> None:
        """Compare the methods of all recipes that are fitted on the same images."""
        plan = self._plan
        splits: dict[str, list[str]] = {}
        for recipe in plan.recipes_compared:
            split = "" if recipe == SELF_TRAINED else plan.configuration.recipe(recipe).split
            splits.setdefault(split, []).append(recipe)
        severities = METRICS.keys() if plan.all_rows else COMPARED_ALONE
        for recipes in splits.values():
            units = [unit for unit in draws.members if unit.recipe in (*recipes, SELF_TRAINED)]
            by_score = [
                unit
                for unit in units
                if unit in self._compared or plan.forms_ensembles(unit.method)
            ]
            self._estimates.append(
                compare(draws, units, self._relations, by_score=by_score, severities=severities)
            )

    @cached_property
    def _relations(self) -> Relations:
        """What is known of the methods that are compared with one another."""
        plan, classes = self._plan, self._classes.items()
        return Relations(
            {name: method.probabilities_of for name, method in classes if method.probabilities_of},
            {(unit.recipe, unit.method): plan.split(unit) for unit in self._units},
            [name for name in self._classes if plan.forms_ensembles(name)],
            {name: method.primary_score for name, method in classes},
            USUAL_SIZES,
            [name for name in self._classes if is_basic(name)],
            # Those whose prediction is that of a trained network alone.
            [name for name, kind in classes if kind.pooled and not (kind.size or kind.needs)],
            sorted(stored_scores(plan.configuration)),
        )
