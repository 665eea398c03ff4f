"""The stage `measure`: recompute every number from the prediction files.

Each prediction is read once. What its images contribute is formed once; measures, resamples and
curves come from it, and it is let go before the next is read.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int64

from benchmarks.headline import headline_conditions
from benchmarks.inference.collected import Collected
from benchmarks.inference.evidence import (
    NO_LABELS,
    Drawn,
    Entry,
    HeadlineEvidence,
    MeasuredUnit,
    MeasureName,
    evidence_in,
    mean_over,
)
from benchmarks.inference.intervals import Interval, Key
from benchmarks.inference.resampling import Frame
from benchmarks.inference.rule import answer
from benchmarks.metrics import METRICS
from benchmarks.nouns import Contestant, Names
from benchmarks.predictions import RunUnit, members_of
from benchmarks.run.configuration import stored_scores
from benchmarks.run.curves import (
    COLUMNS,
    CurveRow,
    DrawnUnit,
    Evaluation,
    curve_tables,
    curves_of,
    drawn_units,
)
from benchmarks.run.image_values import Fits, ImageValues, RankedFamily, fits_to
from benchmarks.run.measurements import (
    KeptRows,
    means_over_groups,
    measured,
    rows_of,
    summarise,
    varying,
    without_value,
)
from benchmarks.run.nouns import condition_records, metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.reading import predicted_conditions, read_prediction
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Failure, Workspace
from benchmarks.schema import AnswerRow, Measurement, in_order, table_of, write_table
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import (
    ANSWER_CSV,
    CLEAN,
    CURVES_FOLDER,
    INFLUENCES_FOLDER,
    MEASURE,
    MEASUREMENTS_CSV,
    SUMMARY_CSV,
    mean_name,
)
from methods.determinism import one_torch_thread

CURVES_ORDER = ("method", "members", "budget", "replicate")
"""Columns by which rows of curves are sorted; conditions and points keep their order."""

ConditionSet = tuple[Condition, ...]
"""What is measured at once: the conditions of a mean, or a single one."""


class MeasuredSet(NamedTuple):
    """What was computed of some conditions.

    Attributes:
        conditions: measured together.
        tables: by the names that they have in the folder of a run, without their ending.
        evidence: what the rule needs of these images.
        machines: on which was predicted.
    """

    conditions: ConditionSet
    tables: dict[str, pd.DataFrame]
    evidence: list[HeadlineEvidence]
    machines: set[str]


def measure(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Recompute every number from the prediction files.

    Writes `measurements.csv`, `summary.csv`, `answer.csv`, `influences/` and `curves/`, one set of
    images after the other; nothing before all are measured.
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
    work = partial(measure_images, plan, dict(fits), held, left_out)
    done = workspace.in_parallel(
        work, image_sets(plan.conditions), stage=MEASURE, what="sets of images"
    )
    positions = {condition: place for place, condition in enumerate(plan.conditions)}
    done.sort(key=lambda each: positions[each.conditions[0]])
    _write_tables(done, plan, workspace.out, record)
    return _without_predictions(plan, workspace, left_out, absent)


def _write_tables(done: Sequence[MeasuredSet], plan: Plan, out: Path, record: RunRecord) -> None:
    """Join the tables of all sets of images."""

    def joined(name: str) -> pd.DataFrame:
        tables = [each.tables[name] for each in done]
        return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)

    for name in (MEASUREMENTS_CSV, SUMMARY_CSV):
        write_table(in_order(joined(Path(name).stem)).assign(task=plan.task.name), out, name)
    # The answer of an earlier run must not stand beside the influences of this one.
    (out / ANSWER_CSV).unlink(missing_ok=True)
    if (out / INFLUENCES_FOLDER).exists():
        shutil.rmtree(out / INFLUENCES_FOLDER)
    for evidence in chain.from_iterable(each.evidence for each in done):
        evidence.write(out)
    names = nouns_of(plan, metric_records(len(plan.task.classes)), record.unavailable)
    names.write(out)
    write_answer(out, names)
    for name in COLUMNS:
        curves = in_order(joined(name), CURVES_ORDER)
        write_table(curves, out / CURVES_FOLDER, f"{name}.csv")
    machines = chain.from_iterable(each.machines for each in done)
    record.note_machines("predictions", machines, anew=True)


def write_answer(out: Path, names: Names) -> None:
    """Write ``answer.csv``, from ``influences/`` and the run's nouns alone."""
    known = evidence_in(out) if (out / INFLUENCES_FOLDER).exists() else []
    write_table(answer_table(known, names), out, ANSWER_CSV)


def answer_table(known: Iterable[HeadlineEvidence], names: Names) -> pd.DataFrame:
    """The rule's answer, as ``answer.csv`` has it."""
    alone = {each.name: each.primary_score for each in names.methods if each.is_network}
    return table_of(AnswerRow, answer(known, alone)).assign(task=names.task.name)


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
    held: Mapping[RunUnit, Collection[str]],
    left_out: frozenset[str],
    workspace: Workspace,
    conditions: ConditionSet,
) -> MeasuredSet:
    """What some conditions give, and their mean where they are all that it averages.

    The mean over images of no class is one over those that can be had.

    Args:
        fits: of each run unit, what is fitted to its prediction of the calibration images.
        held: and the conditions of which there is a prediction.
        left_out: the conditions whose images cannot be had.
    """
    present = [condition for condition in conditions if condition.name not in left_out]
    whole = len(present) == len(conditions) or not conditions[0].labelled
    averaged = conditions[0].in_mean and whole
    run = _MeasuredRun(plan, workspace, fits, held)
    run.measure(present, mean_name(conditions[0].group) if averaged else None)
    return MeasuredSet(conditions, run.tables, run.evidence, run.machines)


@one_torch_thread()
def fits_of(plan: Plan, workspace: Workspace, unit: RunUnit) -> tuple[RunUnit, Fits]:
    """What is fitted to a unit's prediction of the calibration images, if there is one."""
    images = plan.calibration_of(unit)
    stored = None if images is None else read_prediction(plan, workspace, unit, images.name)
    return unit, dict(fits_to(stored))  # which pickle can send, of no fits as well


class Measuring:
    """Measures of contestants under some conditions after others: rows, evidence and curves.

    A subclass says where their predictions come from.

    Args:
        every: all conditions.
        units: of each run unit, the conditions under which it is measured.
        rules: of each method, which measures are kept.
        drawn: the units whose curves are drawn.
        seed: of the resampled images, for bands of curves.

    Attributes:
        evidence: what the rule needs.
    """

    def __init__(
        self,
        every: Collection[Condition],
        units: Mapping[RunUnit, Collection[Condition]],
        rules: Mapping[str, KeptRows],
        drawn: Mapping[RunUnit, DrawnUnit],
        seed: int,
    ) -> None:
        self._units, self._rules, self._drawn = units, rules, drawn
        self._conditions = {condition.name: condition for condition in every}
        self._evaluation = Evaluation([each for each in every if not each.subset], seed)
        self._headline = headline_conditions(condition_records(every))
        self._collected: dict[Condition, Collected] = {}
        self._members: dict[RunUnit, str] = {}
        self._rows: list[Measurement] = []
        self._measurements: list[Measurement] = []
        self._curves: list[tuple[str, CurveRow]] = []
        self._intervals: dict[Key, Interval] = {}
        self.evidence: list[HeadlineEvidence] = []

    def measure(self, conditions: Sequence[Condition], mean: str | None) -> None:
        """Measure every unit under these conditions.

        Args:
            conditions: those of a mean, or a single one; none where no images can be had.
            mean: the name of the mean over them, if there is one.
        """
        if not conditions:
            return
        self._collected = {each: Collected(each.name, self._headline) for each in conditions}
        self._members = {}
        own = [condition.name for condition in conditions]
        self._frame = self._frame_of(own)
        self._detection_frame = self._frame_of([*own, *(c.reference for c in conditions)])
        averages = Collected(mean or "", self._headline)
        for unit in self._units:
            measures = {each: self._measured(unit, each) for each in conditions}
            if unit in self._members:
                entry, scores = self._entry(unit)
                keeps = self._rules[unit.method].keeps
                for condition, collected in self._collected.items():
                    kept = {
                        (metric, score): each
                        for (metric, score), each in measures[condition].items()
                        if keeps(condition, METRICS[metric], score)
                    }
                    collected.add(entry, unit.replicate, kept, scores)
                if mean is not None:
                    together = mean_over([*measures.values()])
                    averages.add(entry, unit.replicate, together, scores)
            self._keep_rows(mean)
        known = list(self._collected.values())
        if mean is not None and all(each.drawn for each in known):
            averages.drawn = {
                needs: min((each.drawn[needs] for each in known), key=lambda drawn: drawn.groups)
                for needs in (False, True)
            }
            known.append(averages)
        for collected in (each for each in known if each.drawn):
            self._intervals |= collected.intervals()
            self.evidence += collected.evidence()

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What was computed, as tables."""
        measurements = in_order(table_of(Measurement, self._measurements))
        summary = summarise(measurements, self._intervals)
        curves = curve_tables(self._curves)
        return {"measurements": measurements, "summary": summary, **curves}

    def _entry(self, unit: RunUnit) -> tuple[Entry, Sequence[str]]:
        """What must be known of a unit's method, and the scores by which it is a contestant."""
        raise NotImplementedError

    def _frame_of(self, names: Iterable[str]) -> Frame:
        """Frame of the images of these conditions."""
        raise NotImplementedError

    def _measured(self, unit: RunUnit, condition: Condition) -> dict[MeasureName, MeasuredUnit]:
        """The measures of a unit that vary with the draw of images; all are noted as rows."""
        raise NotImplementedError

    def _noted(
        self,
        unit: RunUnit,
        condition: Condition,
        own: ImageValues,
        reference: ImageValues,
        measures: Iterable[RankedFamily],
        labels: Int64[np.ndarray, " labelled"] = NO_LABELS,
    ) -> dict[MeasureName, MeasuredUnit]:
        """Measures as of `_measured`, of a prediction and of that of the reference's images."""
        drawn = self._collected[condition].drawn
        frames = self._frame, self._detection_frame
        if not drawn:
            count = frames[0].group_count(condition.name)
            drawn[False] = Drawn(own.images, count, frames[0].images, labels)
            drawn[True] = Drawn(
                min(own.images, reference.images),
                min(frames[1].group_count(name) for name in (condition.name, condition.reference)),
                frames[1].images,
            )
        self._members[unit] = members_of(unit, own.members)
        varied: dict[MeasureName, MeasuredUnit] = {}
        for each in measured(measures, own, reference if condition.detected else None):
            self._rows += rows_of(unit, condition, each, own, reference)
            varied |= varying(each, frames["reference" in each.family.needs], condition)
        if (curves := self._drawn.get(unit)) is not None:
            self._curves += curves_of(self._evaluation, curves, condition, own, reference)
        return varied

    def _keep_rows(self, mean: str | None) -> None:
        """Keep the rows that are written, and those of their means over the conditions."""
        conditions = {condition.name: condition for condition in self._collected}
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


class _MeasuredRun(Measuring):
    """Measures of a run, from its prediction files.

    Attributes:
        machines: on which was predicted.
    """

    def __init__(
        self,
        plan: Plan,
        workspace: Workspace,
        fits: Mapping[RunUnit, Fits],
        held: Mapping[RunUnit, Collection[str]],
    ) -> None:
        self._plan, self._workspace, self._fits, self._held = plan, workspace, fits, held
        units = {unit: plan.conditions_of(unit) for unit in plan.units()}
        self._classes = plan.configuration.classes
        rules = {
            name: KeptRows(kind.primary_score, plan.all_rows)
            for name, kind in self._classes.items()
        }
        drawn = drawn_units(plan, lambda unit: CLEAN in self._held[unit])
        super().__init__(plan.conditions, units, rules, drawn, plan.configuration.seed)
        self._references: dict[object, ImageValues] = {}
        self.machines: set[str] = set()

    def _entry(self, unit: RunUnit) -> tuple[Entry, Sequence[str]]:
        plan, kind = self._plan, self._classes[unit.method]
        several = plan.forms_ensembles(unit.method)
        alike = [u.size for u in self._units if (u.method, u.budget) == (unit.method, unit.budget)]
        is_judged = several or unit.size == max(alike, key=lambda size: size or 0)
        further = self._further if plan.is_network(unit.method) else ()
        contestant = Contestant(unit.method, self._members[unit], unit.budget)
        networks = (unit.size or 1) if several else 1
        entry = Entry(contestant, networks, plan.is_scale(unit.method), plan.split(unit))
        return entry, (kind.primary_score, *further) if is_judged else ()

    def _frame_of(self, names: Iterable[str]) -> Frame:
        """Frame of the conditions of which there is a prediction, which has as many images."""
        images: dict[str, int] = {}
        groups: dict[str, Int64[np.ndarray, " images"] | None] = {}
        for name in dict.fromkeys(names):
            for unit in (unit for unit, held in self._held.items() if name in held):
                if stored := read_prediction(self._plan, self._workspace, unit, name):
                    images[name] = len(stored.prediction.mean)
                    groups[name] = None if stored.groups is None else stored.groups.numpy()
                    break
        chosen = self._plan.configuration
        return Frame(images, self._conditions, chosen.resamples, chosen.seed, groups)

    def _measured(self, unit: RunUnit, condition: Condition) -> dict[MeasureName, MeasuredUnit]:
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
        self.machines.add(stored.machine)
        measures = list(rule.measures(condition, stored.prediction.scores.keys()))
        own = ImageValues([stored], self._fits[unit], lambda _: measures)
        reference = self._reference_of(unit, condition, measures) or own
        labels = NO_LABELS if stored.labels is None else stored.labels.numpy()
        return self._noted(unit, condition, own, reference, measures, labels)

    def _keep_rows(self, mean: str | None) -> None:
        super()._keep_rows(mean)
        self._references.clear()

    def _known_of(self, unit: RunUnit) -> tuple[str, Collection[str]]:
        """A unit's members and own scores, by whatever is stored of it or of another replicate."""
        alike = (other for other in self._units if other.folder == unit.folder)
        for other in (unit, *alike):
            for condition in predicted_conditions(self._plan, self._workspace, other):
                stored = read_prediction(self._plan, self._workspace, other, condition)
                if stored is not None:
                    members = members_of(unit, stored.prediction.members)
                    return members, tuple(stored.prediction.scores)
        return "" if unit.size is None else str(unit.size), ()

    def _reference_of(
        self, unit: RunUnit, condition: Condition, measures: Iterable[RankedFamily]
    ) -> ImageValues | None:
        """Values of the images that a condition's are compared with; ``None``: they are these."""
        if not condition.detected:
            return None
        wanted = [(family, score) for family, score in measures if "reference" in family.needs]
        key = unit, condition.reference, tuple(score for _, score in wanted)
        if (known := self._references.get(key)) is None:
            stored = read_prediction(self._plan, self._workspace, unit, condition.reference)
            assert stored is not None
            known = self._references[key] = ImageValues([stored], measures=lambda _: wanted)
        return known

    @cached_property
    def _further(self) -> list[str]:
        """The scores of logits and features by which single networks are contestants, too."""
        return sorted(stored_scores(self._plan.configuration))
