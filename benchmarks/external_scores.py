"""What is made of predictions of others: measures, comparisons, tables and a page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.inference.comparisons import Estimates, compare, comparisons_table, worths_table
from benchmarks.inference.evidence import (
    BlockMean,
    Evidence,
    MeasuredUnit,
    MeasureName,
    network_blocks,
)
from benchmarks.inference.image_values import ImageValues, RankedFamily
from benchmarks.inference.intervals import Relations
from benchmarks.inference.resampling import Frame, ImageSet
from benchmarks.io import UserError, read_json, require_own, writable_folder, write_json
from benchmarks.nouns import Names
from benchmarks.predictions import RunUnit
from benchmarks.progress import tracked
from benchmarks.report import write_report
from benchmarks.report.results import Results
from benchmarks.run.measure import image_sets
from benchmarks.run.measurements import (
    KeptRows,
    means_over_groups,
    measured,
    rows_of,
    summarise,
    varying,
)
from benchmarks.schema import (
    Comparison,
    Measurement,
    WorthRow,
    in_order,
    members_text,
    table_of,
    write_table,
)
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import (
    COMPARISONS_CSV,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    NOUNS_JSON,
    RUN_JSON,
    SUMMARY_CSV,
    TABLES_FOLDER,
    WORTH_CSV,
    mean_name,
)
from methods import UncertaintyMethod
from methods.version import suite_version

PredictionsByCondition = Mapping[Condition, ImageValues]
"""What metrics need of a method's predictions of some images."""


EVERY_MEASURE = KeptRows(UncertaintyMethod.primary_score, every=True)
"""A few methods have few rows."""

NO_RELATIONS = Relations()

SCORE_JSON = "score.json"
"""What was scored, by which version."""

FOLDERS = (TABLES_FOLDER, FIGURES_FOLDER, CURVES_FOLDER)
"""Those in which files of earlier scores are removed: those that ``score.json`` names."""


class ScoredMethods(NamedTuple):
    """What tables and figures are made from, and the rows of ``measurements.csv``."""

    results: Results
    measurements: pd.DataFrame


def estimated(
    units: Mapping[RunUnit, PredictionsByCondition],
    conditions: Sequence[Condition],
    resamples: int,
    seed: int,
    *,
    relations: Relations = NO_RELATIONS,
    measures_of: Callable[[Condition, Collection[str]], Iterable[RankedFamily]] = (
        EVERY_MEASURE.measures
    ),
) -> tuple[list[Measurement], Estimates]:
    """Every measure of every method, with its interval, and the comparisons.

    Args:
        units: with what metrics need of their predictions; some may lack a condition.
        conditions: all of them.
        relations: of methods of a run.
        measures_of: those of a condition, by the names of a prediction's own scores.
    """
    rows: list[Measurement] = []
    estimates: list[Estimates] = []
    by_name = {condition.name: condition for condition in conditions}
    images: dict[str, int] = {}
    members: dict[RunUnit, str] = {}
    for unit, predictions in units.items():
        images |= {condition.name: values.images for condition, values in predictions.items()}
        members[unit] = members_text(next(iter(predictions.values())).members)
    blocks = list(network_blocks(units, relations.budgets.ensembles))
    sets = image_sets(conditions)
    for averaged in tracked(sets, len(sets), "score", "sets of images"):
        references = {condition: by_name[condition.reference] for condition in averaged}
        names = [condition.name for pair in references.items() for condition in pair]
        frame = Frame({name: images[name] for name in names}, by_name, resamples, seed)
        first = averaged[0]
        mean = Evidence(mean_name(first.group), None, first.group, first.headline, members=members)
        evidence = {
            condition: Evidence(
                *(condition.name, condition, condition.group, False),
                *(images[condition.name], images[reference.name]),
                members=members,
            )
            for condition, reference in references.items()
        }
        own_rows: list[Measurement] = []
        for block in blocks:
            block_mean = BlockMean()
            for condition, reference in references.items():
                measures: dict[RunUnit, dict[MeasureName, MeasuredUnit]] = {}
                for unit in block.summed:
                    if not {condition, reference} <= units[unit].keys():
                        continue
                    own, other = units[unit][condition], units[unit][reference]
                    measures[unit] = {}
                    chosen = measures_of(condition, own.own_scores)
                    for each in measured(chosen, own, other if condition.detected else None):
                        own_rows.extend(rows_of(unit, condition, each, own, other))
                        measures[unit] |= varying(each, frame, condition)
                evidence[condition].add(block, measures)
                block_mean.add(measures)
            mean.add(block, block_mean.finish())
        whole = {
            (unit.method, members[unit], unit.budget)
            for unit, predictions in units.items()
            if predictions.keys() >= {*references, *references.values()}
        }
        averaged_rows = [r for r in own_rows if (r.method, r.members, r.budget) in whole]
        rows += [*own_rows, *means_over_groups(averaged_rows, averaged)]
        compared = list(evidence.values())
        if first.in_mean:
            drawn_apart = {ImageSet.of(condition, by_name) for condition in averaged}
            compared.append(mean.averaging(evidence.values(), len(drawn_apart)))
        estimates += [compare(each, units, relations, severities=()) for each in compared]
    return rows, Estimates.joined(estimates)


def results_of(
    rows: Sequence[Measurement], estimates: Estimates, names: Names, **further: Any
) -> ScoredMethods:
    """What tables and figures are made from.

    Args:
        further: other parts of `Results`.
    """
    measurements = in_order(table_of(Measurement, rows))
    results = Results(
        summarise(measurements, estimates.intervals),
        names,
        comparisons_table(table_of(Comparison, estimates.comparisons)),
        worths_table(table_of(WorthRow, estimates.worths)),
        **further,
    )
    return ScoredMethods(results, measurements)


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
    tables = MEASUREMENTS_CSV, SUMMARY_CSV, COMPARISONS_CSV, WORTH_CSV, LATENCY_CSV
    names = (*tables, NOUNS_JSON, INDEX_HTML, *FOLDERS, SCORE_JSON)
    taken = [name for name in names if (folder / name).exists()]
    if taken and not isinstance(read_json(folder / SCORE_JSON).get("written"), list):
        raise UserError(
            f"--out {folder}: this folder holds {taken[0]}, but no {SCORE_JSON} of earlier scores "
            "by this version; name another folder"
        )
    return folder


def write_scores(
    scored: ScoredMethods, folder: Path, resamples: int, seed: int, files: Mapping[str, str]
) -> None:
    """Write what a run writes, in place of earlier scores; ``score.json`` tells what was scored.

    Args:
        files: of each method that is not a run's, SHA-256 of its files.
    """
    record = {"version": suite_version(), "resamples": resamples, "seed": seed, "files": {**files}}
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
        COMPARISONS_CSV: results.comparisons,
        WORTH_CSV: results.worth,
        LATENCY_CSV: results.latency,
    }.items():
        (folder / name).unlink(missing_ok=True)
        if len(table.columns):
            write_table(table, folder, name)
    for name, table in results.curves.items():
        write_table(table, folder / CURVES_FOLDER, f"{name}.csv")
    results.names.write(folder)
    write_report(folder)
    written = sorted(name for name, _ in _in_folders(folder) - others)
    write_json(record | {"written": written}, folder / SCORE_JSON)


def _in_folders(folder: Path) -> set[tuple[str, int]]:
    """The files in `FOLDERS`, each with the time at which it was written."""
    paths = (path for name in FOLDERS for path in folder.glob(f"{name}/*") if path.is_file())
    return {(path.relative_to(folder).as_posix(), path.stat().st_mtime_ns) for path in paths}
