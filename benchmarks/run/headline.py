"""What a run keeps of each image: of the leaderboard's methods, beside which others are scored."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from benchmarks.inference.headline import MOST_IMAGES, ImageColumns, packed_columns
from benchmarks.io import write_whole
from benchmarks.nouns import Variant
from benchmarks.predictions import RunUnit
from benchmarks.report.editorial import ENSEMBLE
from benchmarks.report.results import Results, read_if_there
from benchmarks.report.tables.ranking import entrants, headline
from benchmarks.run.configuration import USUAL_SIZES
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.reading import predicted_conditions, read_prediction
from benchmarks.run.workspace import Workspace
from benchmarks.schema import packed, read_table
from benchmarks.vocabulary import (
    CLEAN,
    HEADLINE_NPZ,
    SUMMARY_CSV,
    WORTH_CSV,
    mean_name,
)


def write_headline(plan: Plan, workspace: Workspace) -> None:
    """Write ``headline.npz``: of the leaderboard's methods, four numbers an image.

    They are of the conditions of the leaderboard, and of each method's first replicate that has
    predicted all of these. Ensembles of all usual sizes are among the methods, so that others have
    a worth.
    """
    out = workspace.out
    names = nouns_of(plan, metric_records(len(plan.task.classes)))
    results = Results(read_table(out, SUMMARY_CSV), names, worth=read_if_there(out, WORTH_CSV))
    held = {unit: {*predicted_conditions(plan, workspace, unit)} for unit in plan.units()}
    every = frozenset().union(*held.values())
    asked = {quantity.condition for quantity in headline(results)}
    conditions = [
        condition
        for condition in plan.whole_conditions
        if condition.name in every
        and asked & {condition.name, condition.in_mean and mean_name(condition.group)}
    ]
    wanted = {condition.name for condition in conditions}
    units = _units(results, [unit for unit in held if wanted <= held[unit]])
    if CLEAN not in wanted or not units:
        return
    arrays = {
        "methods": np.array([[v.method, v.members, f"{v.budget:g}"] for v in units]),
        "conditions": np.array([condition.name for condition in conditions]),
    }
    for condition in conditions:
        every_stored = (
            read_prediction(plan, workspace, unit, condition.name) for unit in units.values()
        )
        predicted = [stored for stored in every_stored if stored is not None]
        arrays |= packed_columns(condition.name, list(map(ImageColumns.of, predicted)))
        if (labels := predicted[0].labels) is not None:
            arrays[f"labels {condition.name}"] = labels[:MOST_IMAGES].numpy().astype(np.int32)
    write_whole(out / HEADLINE_NPZ, packed(arrays))


def _units(results: Results, complete: Collection[RunUnit]) -> dict[Variant, RunUnit]:
    """The first replicate of each method of the leaderboard, and of the usual ensembles."""
    ladder = [
        variant
        for variant in results.variants
        if variant.method == ENSEMBLE and variant.members in map(str, USUAL_SIZES[ENSEMBLE])
    ]
    first = {
        (unit.method, unit.size, unit.budget): unit
        for unit in sorted(complete, key=lambda unit: unit.replicate, reverse=True)
    }
    chosen = {}
    for variant in dict.fromkeys((*entrants(results), *ladder)):
        size = int(variant.members) if variant.members.isdigit() else None
        for key in ((variant.method, each, variant.budget) for each in (size, None)):
            if key in first:
                chosen[variant] = first[key]
    return chosen
