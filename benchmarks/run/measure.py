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

import pandas as pd

from benchmarks.inference.comparisons import Estimates, compare, comparisons_table, worths_table
from benchmarks.inference.evidence import (
    BlockMean,
    Evidence,
    MeasuredUnit,
    MeasureName,
    network_blocks,
)
from benchmarks.inference.image_values import Fits, ImageValues, RankedFamily, fits_to
from benchmarks.inference.intervals import Relations
from benchmarks.inference.resampling import Frame, ImageSet
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit, StoredPrediction, members_of
from benchmarks.questions import Budgets
from benchmarks.run.configuration import USUAL_SIZES, stored_scores
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
from benchmarks.run.headline import write_headline
from benchmarks.run.measurements import (
    COMPARED_ALONE,
    KeptRows,
    means_over_groups,
    measured,
    rows_of,
    summarise,
    varying,
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

CURVES_ORDER = ("method", "members", "budget", "replicate")
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
        partial(fits_of, plan), units, stage=MEASURE, what="methods calibrated"
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
    done = workspace.in_parallel(
        work, image_sets(plan.conditions), stage=MEASURE, what="sets of images"
    )
    order = [condition.name for condition in plan.conditions if condition.name in done]
    _write_tables([finished / name for name in order], plan, workspace.out, record)
    write_headline(plan, workspace)
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
        table = arranged(joined(name))
        write_table(table.assign(task=plan.task.name), out, name)
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


def image_sets(conditions: Iterable[Condition]) -> list[ConditionSet]:
    """What is measured at once: the conditions of a mean, and every other condition alone."""
    sets: dict[str, list[Condition]] = {}
    for condition in conditions:
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
    present = [condition for condition in conditions if condition.name not in left_out]
    averaged = conditions[0].in_mean and len(present) == len(conditions)
    run = _MeasuredRun(plan, workspace, fits, present)
    run.measure(mean_name(conditions[0].group) if averaged else None)
    return run.tables


@one_torch_thread()
def fits_of(plan: Plan, workspace: Workspace, unit: RunUnit) -> tuple[RunUnit, Fits]:
    """What is fitted to a unit's prediction of the calibration images, if there is one."""
    images = plan.calibration_of(unit)
    stored = None if images is None else read_prediction(plan, workspace, unit, images.name)
    return unit, dict(fits_to(stored))  # which pickle can send, of no fits as well


class _MeasuredRun:
    """What is computed of some conditions."""

    def __init__(
        self,
        plan: Plan,
        workspace: Workspace,
        fits: Mapping[RunUnit, Fits],
        conditions: Sequence[Condition],
    ) -> None:
        self._plan, self._workspace, self._fits = plan, workspace, fits
        self._units = {unit: plan.conditions_of(unit) for unit in plan.units()}
        self._held = {unit: {*predicted_conditions(plan, workspace, unit)} for unit in self._units}
        self._classes = plan.configuration.classes
        self._rules = {
            name: KeptRows(kind.primary_score, plan.all_rows)
            for name, kind in self._classes.items()
        }
        self._conditions = {condition.name: condition for condition in plan.conditions}
        self._drawn = drawn_units(plan, lambda unit: CLEAN in self._held[unit])
        self._evaluation = Evaluation(plan.whole_conditions, plan.configuration.seed)
        self._members: dict[RunUnit, str] = {}
        self._evidence = {
            condition: Evidence(
                condition.name,
                condition,
                condition.group,
                members=self._members,
            )
            for condition in conditions
        }
        own = [condition.name for condition in conditions]
        self._frame = self._frame_of(own)
        self._detection_frame = self._frame_of([*own, *(c.reference for c in conditions)])
        self._limits = limits_of_sampled(plan)
        self._sampled: dict[Condition, dict[RunUnit, StoredPrediction]] = {}
        self._references: dict[object, ImageValues] = {}
        self._rows: list[Measurement] = []
        self._measurements: list[Measurement] = []
        self._curves: list[tuple[str, CurveRow]] = []
        self._sampling: list[CurveRow] = []
        self._machines: set[str] = set()
        self._estimates = [Estimates.joined(())]

    def measure(self, mean: str | None) -> None:
        """Measure every unit under the conditions, and compare the methods.

        Args:
            mean: the name of the mean over the conditions, if there is one.
        """
        if not self._evidence:
            return  # no images of these conditions can be had
        own = {condition.name for condition in self._evidence}
        predicted = [unit for unit, held in self._held.items() if own & held]
        for unit in self._units.keys() - set(predicted):
            for condition in self._evidence:
                self._measured(unit, condition)
            self._keep_rows(mean)
        averaged = next(iter(self._evidence))
        mean_evidence = Evidence(
            *(mean or "", None, averaged.group, averaged.headline), members=self._members
        )
        for block in network_blocks(predicted, self._relations.budgets.ensembles):
            block_mean = BlockMean()
            for condition, evidence in self._evidence.items():
                measures = {unit: self._measured(unit, condition) for unit in block.summed}
                evidence.add(block, self._kept_alone(condition, measures))
                block_mean.add(measures)
            if mean is not None:
                mean_evidence.add(block, block_mean.finish())
            self._keep_rows(mean)
            self._references.clear()
        for condition, evidence in self._evidence.items():
            sampled = self._sampled.get(condition, {})
            self._sampling += sampling_errors(self._limits, condition.name, sampled)
            self._compare(evidence)
        if mean is not None:
            sets = {ImageSet.of(condition, self._conditions) for condition in self._evidence}
            self._compare(mean_evidence.averaging(self._evidence.values(), len(sets)))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What was computed, as tables."""
        measurements = table_of(Measurement, self._measurements)
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

    def _frame_of(self, names: Iterable[str]) -> Frame:
        """Of conditions of which there is a prediction, which has as many images."""
        images: dict[str, int] = {}
        for name in dict.fromkeys(names):
            for unit in (unit for unit, held in self._held.items() if name in held):
                if stored := read_prediction(self._plan, self._workspace, unit, name):
                    images[name] = len(stored.prediction.mean)
                    break
        chosen = self._plan.configuration
        return Frame(images, self._conditions, chosen.resamples, chosen.seed)

    def _measured(self, unit: RunUnit, condition: Condition) -> dict[MeasureName, MeasuredUnit]:
        """The measures of a unit that vary with the draw of images; all are noted as rows."""
        plan, rule = self._plan, self._rules[unit.method]
        if condition not in self._units[unit]:
            return {}
        objection = plan.objection(unit)
        stored = read_prediction(plan, self._workspace, unit, condition.name)
        compared = not condition.detected or condition.reference in self._held[unit]
        if objection is not None or stored is None or not compared:
            members, scores = self._known_of(unit)
            reason = self._workspace.failure_reason(unit)
            if stored is not None:
                reason = f"{condition.reference}, which it is compared with: {reason}"
            status = "failed" if objection is None else "not applicable"
            missing = rule.measures(condition, scores)
            rows = without_value(unit, condition, members, missing, status, objection or reason)
            self._rows += rows
            return {}
        self._machines.add(stored.machine)
        if self._has_limit(unit, condition):
            self._sampled.setdefault(condition, {})[unit] = stored
        measures = list(rule.measures(condition, stored.prediction.scores.keys()))
        own = ImageValues([stored], self._fits[unit], lambda _: measures)
        reference = self._reference_of(unit, condition, measures) or own
        evidence = self._evidence[condition]
        evidence.images, evidence.reference_images = own.images, reference.images
        self._members[unit] = members_of(unit, own.members)
        varied: dict[MeasureName, MeasuredUnit] = {}
        against = reference if condition.detected else None
        for each in measured(measures, own, against):
            self._rows += rows_of(unit, condition, each, own, reference)
            frame = self._detection_frame if "reference" in each.family.needs else self._frame
            varied |= varying(each, frame, condition)
        if (curves := self._drawn.get(unit)) is not None:
            self._curves += curves_of(self._evaluation, curves, condition, own, reference)
            self._curves += example_votes(plan, curves, condition, stored)
        return varied

    def _has_limit(self, unit: RunUnit, condition: Condition) -> bool:
        """Whether it is sampled and its limit is predicted too, or it is such a limit."""
        return any(
            unit in pair and all(condition in self._units[other] for other in pair)
            for pair in self._limits.items()
        )

    def _kept_alone(
        self,
        condition: Condition,
        measured: Mapping[RunUnit, Mapping[MeasureName, MeasuredUnit]],
    ) -> dict[RunUnit, dict[MeasureName, MeasuredUnit]]:
        """Without the measures that only the mean over the condition's group is to have."""
        return {
            unit: {
                (metric, score): each
                for (metric, score), each in measures.items()
                if self._rules[unit.method].keeps(condition, METRICS[metric], score)
            }
            for unit, measures in measured.items()
        }

    def _known_of(self, unit: RunUnit) -> tuple[str, Collection[str]]:
        """A unit's members and own scores, by whatever is stored of it or of another replicate."""
        alike = (other for other in self._units if other.variant == unit.variant)
        for other in (unit, *alike):
            for condition in predicted_conditions(self._plan, self._workspace, other):
                stored = read_prediction(self._plan, self._workspace, other, condition)
                if stored is not None:
                    members = members_of(unit, stored.prediction.members)
                    return members, tuple(stored.prediction.scores)
        return "" if unit.size is None else str(unit.size), ()

    def _keep_rows(self, mean: str | None) -> None:
        """Of the rows so far those that are written, and of their means over the conditions."""
        conditions = {condition.name: condition for condition in self._evidence}
        for row in self._rows:
            kept = self._rules[row.method].keeps
            if kept(conditions[row.condition], METRICS[row.metric], row.score):
                self._measurements.append(row)
        averaged = next(iter(conditions.values()), None)
        if mean is not None and averaged is not None:
            for row in means_over_groups(self._rows, conditions.values()):
                if self._rules[row.method].keeps_mean(averaged, METRICS[row.metric], row.score):
                    self._measurements.append(row)
        self._rows.clear()

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
            known = self._references[key] = ImageValues([stored], measures=lambda _: wanted)
        return known

    def _compare(self, evidence: Evidence) -> None:
        """Compare the methods that are fitted on the same images."""
        severities = METRICS.keys() if self._plan.all_rows else COMPARED_ALONE
        units = evidence.members
        self._estimates.append(compare(evidence, units, self._relations, severities=severities))

    @cached_property
    def _relations(self) -> Relations:
        """What is known of the methods that are compared with one another."""
        plan, classes = self._plan, self._classes.items()
        return Relations(
            Budgets(frozenset(filter(plan.forms_ensembles, self._classes)), USUAL_SIZES),
            {unit.method: plan.split(unit) for unit in self._units},
            {name: method.primary_score for name, method in classes},
            list(filter(plan.is_network, self._classes)),
            sorted(stored_scores(plan.configuration)),
        )
