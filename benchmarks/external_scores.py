"""What is made of predictions of others: measures, what the rule says, tables and a page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.headline import Headline, headline_conditions
from benchmarks.inference.collected import Collected
from benchmarks.inference.evidence import (
    Drawn,
    Entry,
    GroupNumbers,
    HeadlineEvidence,
    MeasuredUnit,
    MeasureName,
    mean_over,
)
from benchmarks.inference.resampling import Frame
from benchmarks.io import UserError, read_json, require_own, writable_folder, write_json
from benchmarks.metrics import METRICS
from benchmarks.nouns import Contestant
from benchmarks.predictions import RunUnit, members_of
from benchmarks.progress import tracked
from benchmarks.report import write_report
from benchmarks.report.results import Results
from benchmarks.run.image_values import ImageValues
from benchmarks.run.measure import image_sets
from benchmarks.run.measurements import (
    KeptRows,
    means_over_groups,
    measured,
    rows_of,
    summarise,
    varying,
)
from benchmarks.schema import Measurement, in_order, table_of, write_table
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import (
    ANSWER_CSV,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    INFLUENCES_FOLDER,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    NOUNS_JSON,
    RUN_JSON,
    SCORE_LATENCY_CSV,
    SUMMARY_CSV,
    TABLES_FOLDER,
    mean_name,
)
from methods import UncertaintyMethod
from methods.version import suite_version

PredictionsByCondition = Mapping[Condition, ImageValues]
"""What metrics need of a method's predictions of some images."""

PRIMARY_SCORE = UncertaintyMethod.primary_score
"""The score by which all of them rank images first."""

EVERY_MEASURE, OF_MEANS = KeptRows(PRIMARY_SCORE, every=True), KeptRows(PRIMARY_SCORE)
"""A few methods have few rows; a mean over sets of images has those that a run has."""

SCORE_JSON = "score.json"
"""What was scored, by which version."""

DIFFERENCES_CSV = "differences.csv"
"""By which methods differ from those of a run, beside which they were scored."""

FOLDERS = (TABLES_FOLDER, FIGURES_FOLDER, CURVES_FOLDER, INFLUENCES_FOLDER)
"""Those in which files of earlier scores are removed: those that ``score.json`` names."""


class ScoredMethods(NamedTuple):
    """What tables and figures are made from.

    Attributes:
        measurements: the rows of ``measurements.csv``.
        differences: the rows of ``differences.csv``; empty where there is no run beside.
        evidence: what the answer follows from.
    """

    results: Results
    measurements: pd.DataFrame
    differences: pd.DataFrame
    evidence: Sequence[HeadlineEvidence]


def estimated(
    units: Mapping[RunUnit, PredictionsByCondition],
    images: Mapping[Condition, int],
    resamples: int,
    seed: int,
    groups: Mapping[str, GroupNumbers] | None = None,
    metrics: Collection[str] = METRICS,
) -> tuple[pd.DataFrame, pd.DataFrame, list[HeadlineEvidence]]:
    """The measures of every method: their rows, the summary of these, and what the rule needs.

    Args:
        units: with what metrics need of their predictions; some may lack a condition.
        images: how many each condition has.
        groups: by the names of conditions, of each image the group that it is drawn with.
        metrics: of which the families are measured.
    """
    rows: list[Measurement] = []
    known: list[Collected] = []
    by_name, headline = {each.name: each for each in images}, headline_conditions(images)
    sets = image_sets(images)
    for averaged in tracked(sets, len(sets), "score", "sets of images"):
        own_images = {each.name: images[each] for each in averaged}
        against = {each.reference: images[by_name[each.reference]] for each in averaged}
        frames = [
            Frame(sizes, by_name, resamples, seed, groups or {})
            for sizes in (own_images, own_images | against)
        ]
        by_set = {each: _collected(each.name, [each], headline, frames) for each in averaged}
        averages = _collected(mean_name(averaged[0].group), averaged, headline, frames)
        for unit, predictions in units.items():
            members = members_of(unit, next(iter(predictions.values())).members)
            entry = Entry(Contestant(unit.method, members, unit.budget))
            own_rows: list[Measurement] = []
            per_condition = []
            for condition, into in by_set.items():
                reference = by_name[condition.reference]
                if not predictions.keys() >= {condition, reference}:
                    continue
                own, other = predictions[condition], predictions[reference]
                chosen = (
                    (family, score)
                    for family, score in EVERY_MEASURE.measures(condition, own.own_scores)
                    if any(metric.name in metrics for metric in family.metrics)
                )
                measures: dict[MeasureName, MeasuredUnit] = {}
                for each in measured(chosen, own, other if condition.detected else None):
                    own_rows += rows_of(unit, condition, each, own, other)
                    measures |= varying(each, frames["reference" in each.family.needs], condition)
                into.add(entry, unit.replicate, measures, [PRIMARY_SCORE])
                per_condition.append(measures)
            rows += own_rows
            if len(per_condition) == len(averaged):
                averages.add(entry, unit.replicate, mean_over(per_condition), [PRIMARY_SCORE])
                means = means_over_groups(own_rows, averaged)
                kept = partial(OF_MEANS.keeps_mean, averaged[0])
                rows += [row for row in means if kept(METRICS[row.metric], row.score)]
        known += [*by_set.values(), averages]
    measurements = in_order(table_of(Measurement, rows))
    intervals = {key: own for collected in known for key, own in collected.intervals().items()}
    evidence = [own for collected in known for own in collected.evidence()]
    return measurements, summarise(measurements, intervals), evidence


def _collected(
    name: str,
    averaged: Sequence[Condition],
    headline: Mapping[Headline, str],
    frames: Sequence[Frame],
) -> Collected:
    """Nothing yet, of a condition or a mean, of as many images as the fewest that it is of."""
    new = Collected(name, headline)
    own = [condition.name for condition in averaged]
    both = [*own, *(condition.reference for condition in averaged)]
    for frame, needs, names in zip(frames, (False, True), (own, both), strict=True):
        fewest = min(frame.images[each] for each in names)
        new.drawn[needs] = Drawn(fewest, min(map(frame.group_count, names)), frame.images)
    return new


def folder_for_scores(out: Path) -> Path:
    """The folder, created if it does not exist.

    Scores and a run of the suite must not mix, and nobody's files are to be overwritten.

    Raises:
        UserError: it cannot be written, or holds a run, or such files that are not of earlier
            scores, or a link to another folder.
    """
    folder = writable_folder("--out", out)
    require_own(folder / name for name in FOLDERS)
    if (folder / RUN_JSON).exists():
        raise UserError(
            f"--out {folder}: this folder holds a run of the suite; name another folder"
        )
    tables = MEASUREMENTS_CSV, SUMMARY_CSV, ANSWER_CSV, DIFFERENCES_CSV, LATENCY_CSV
    names = (*tables, NOUNS_JSON, INDEX_HTML, *FOLDERS, SCORE_JSON)
    taken = [name for name in names if (folder / name).exists()]
    if taken and not isinstance(read_json(folder / SCORE_JSON).get("written"), list):
        raise UserError(
            f"--out {folder}: this folder holds {taken[0]}, but no {SCORE_JSON} of earlier scores "
            "by this version; name another folder"
        )
    return folder


def write_scores(scored: ScoredMethods, folder: Path, files: Mapping[str, str], **how: int) -> None:
    """Write what a run writes, in place of earlier scores; ``score.json`` tells what was scored.

    Args:
        files: of each method that is not a run's, SHA-256 of its files.
        how: what else decides the numbers.
    """
    record = {"version": suite_version(), **how, "files": {**files}}
    earlier = read_json(folder / SCORE_JSON).get("written", [])
    write_json(record | {"written": earlier}, folder / SCORE_JSON)
    for name, _ in _in_folders(folder):
        if name in earlier:
            (folder / name).unlink()
    others = _in_folders(folder)
    results = scored.results
    for name, table in {
        MEASUREMENTS_CSV: scored.measurements,
        SUMMARY_CSV: results.summary,
        ANSWER_CSV: results.answer,
        DIFFERENCES_CSV: scored.differences,
        LATENCY_CSV: results.latency,
        SCORE_LATENCY_CSV: results.score_latency,
    }.items():
        (folder / name).unlink(missing_ok=True)
        if len(table.columns):
            write_table(table, folder, name)
    for name, table in results.curves.items():
        write_table(table, folder / CURVES_FOLDER, f"{name}.csv")
    for evidence in scored.evidence:
        evidence.write(folder)
    results.names.write(folder)
    write_report(folder)
    written = sorted(name for name, _ in _in_folders(folder) - others)
    write_json(record | {"written": written}, folder / SCORE_JSON)


def _in_folders(folder: Path) -> set[tuple[str, int]]:
    """The files in `FOLDERS`, each with the time at which it was written."""
    paths = (path for name in FOLDERS for path in folder.glob(f"{name}/*") if path.is_file())
    return {(path.relative_to(folder).as_posix(), path.stat().st_mtime_ns) for path in paths}
