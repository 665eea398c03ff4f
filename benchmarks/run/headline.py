"""What a run keeps of each image: of the leaderboard's methods, beside which others are scored."""

from __future__ import annotations

import numpy as np

from benchmarks.inference.headline import MOST_IMAGES, ImageColumns, packed_columns
from benchmarks.io import written_whole
from benchmarks.nouns import Variant
from benchmarks.predictions import RunUnit
from benchmarks.report.editorial import ENSEMBLE
from benchmarks.report.results import Results, read_if_there
from benchmarks.report.tables.ranking import entrants, headline
from benchmarks.run.configuration import USUAL_SIZES
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.reading import read_prediction
from benchmarks.run.workspace import Workspace
from benchmarks.schema import packed, read_table
from benchmarks.vocabulary import HEADLINE_NPZ, SELF_TRAINED, SUMMARY_CSV, WORTH_CSV, mean_name


def write_headline(plan: Plan, workspace: Workspace) -> None:
    """Write ``headline.npz``: of the leaderboard's methods, four numbers an image.

    They are of the first replicate, and of the conditions of the leaderboard that all methods have
    predicted. Ensembles of all usual sizes are among the methods, so that others have a worth.
    """
    out = workspace.out
    names = nouns_of(plan, metric_records(len(plan.task.classes)))
    run = Results(read_table(out, SUMMARY_CSV), names, worth=read_if_there(out, WORTH_CSV))
    results = run.for_recipe(*run.recipes[:1])
    units = _units(plan, results)
    if not units:
        return  # nothing has a value
    asked = {quantity.condition for quantity in headline(results)}
    arrays = {
        "methods": np.array([[unit.recipe, *variant] for variant, unit in units.items()]),
    }
    conditions = []
    for condition in plan.whole_conditions:
        if not asked & {condition.name, condition.in_mean and mean_name(condition.group)}:
            continue
        stored = [read_prediction(plan, workspace, unit, condition.name) for unit in units.values()]
        predicted = [each for each in stored if each is not None]
        if len(predicted) < len(stored):
            continue
        conditions.append(condition.name)
        arrays |= packed_columns(condition.name, list(map(ImageColumns.of, predicted)))
        if (labels := predicted[0].labels) is not None:
            arrays[f"labels {condition.name}"] = labels[:MOST_IMAGES].numpy().astype(np.int32)
    arrays["conditions"] = np.array(conditions)
    with written_whole(out / HEADLINE_NPZ) as temporary:
        temporary.write_bytes(packed(arrays))


def _units(plan: Plan, results: Results) -> dict[Variant, RunUnit]:
    """The first replicate of each method of the leaderboard, ranked as there."""
    ladder = {
        variant
        for variant in results.variants
        if variant.method == ENSEMBLE and variant.members in map(str, (1, *USUAL_SIZES[ENSEMBLE]))
    }
    units = [unit for unit in plan.units() if unit.replicate == 0]
    return {
        variant: unit
        for variant in entrants(results, ladder)
        for unit in units
        if unit.recipe in (results.recipes[0], SELF_TRAINED)
        and unit.method == variant.method
        and unit.size in (None, *(map(int, filter(str.isdigit, [variant.members]))))
    }
