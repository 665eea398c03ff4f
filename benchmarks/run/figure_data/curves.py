"""The tables in ``curves/`` that only figures need: curves, histograms, and votes on single images.

Each curve is that of one replicate, an actual network or ensemble, and agrees with its rows in
``measurements.csv``. Of the curves of several replicates those points are written that a drawing
needs (`thinning`); a single one has all points and a band. Histograms and votes are of the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache, partial
from itertools import chain

import pandas as pd
import torch
from torch import Tensor

from benchmarks.inference.bands import image_draws
from benchmarks.metrics.metric import Weights
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from benchmarks.run.figure_data import diagrams
from benchmarks.run.figure_data.compared import (
    compared_replicates,
    example_image,
    high_disagreement_images,
    largest_units,
    shows_example,
)
from benchmarks.run.figure_data.rows import ORIGIN, Row, origin, rows, shown_scores
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.schema import write_table
from benchmarks.vocabulary import CLEAN, CURVES_FOLDER
from methods.scores import SCORES
from methods.seeds import derive_seed
from methods.threads import one_torch_thread

HISTOGRAM_BINS = 40
"""Of a score without a bin width of its own, from the least to the highest of the clean images."""

MOST_BINS = 100_000
"""Of a histogram, on either side of where the clean images' begin."""

BAND_RESAMPLES = 400
"""At most, for a band's percentiles; intervals in tables use all of a run's resamples."""

DECIMALS = 5

_VOTES = ("index", "label", "class", "vote_share", "mean_probability")

COLUMNS = {
    **diagrams.COLUMNS,
    "histograms": (*ORIGIN, "score", "lower", "upper", "count"),
    "example_image": (*ORIGIN, *_VOTES),
    "high_disagreement": (*ORIGIN, "rank", "divergence", *_VOTES),
}
"""The tables and their columns; see `diagrams.COLUMNS` for those that have every replicate.

``histograms``: images a bin of a score, bins [lower, upper). ``example_image``: votes on one of the
clean images, also changed by every condition that changes these. ``high_disagreement``: votes on
the images of `high_disagreement_images`; its ``recipe`` is the one whose methods were compared,
also in the rows of methods that train themselves.
"""


@one_torch_thread()
def write_curves(plan: Plan, workspace: Workspace) -> None:
    """Write every table of `COLUMNS` into the run's folder of curves."""
    store = workspace.predictions
    tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    draws_of = cache(partial(_draws, plan))
    for replicates in compared_replicates(plan, store):
        for_bands = draws_of if len(replicates) == 1 else None
        of_each = (diagrams.diagrams(plan, store, unit, for_bands) for unit in replicates)
        for name, row in chain(*of_each, _of_first(plan, store, replicates[0])):
            tables[name].append(row)
    tables["high_disagreement"] = [
        row for recipe in plan.recipes_compared for row in _high_disagreement(plan, store, recipe)
    ]
    for name, columns in COLUMNS.items():
        table = pd.DataFrame(tables[name], columns=list(columns)).round(DECIMALS)
        write_table(table, workspace.out / CURVES_FOLDER, f"{name}.csv")


def _draws(plan: Plan, data: str, images: int) -> Weights:
    chosen = plan.configuration
    seed = derive_seed("bands", chosen.seed, data)
    return image_draws(images, min(BAND_RESAMPLES, chosen.resamples), seed)


def _of_first(plan: Plan, store: PredictionStore, unit: RunUnit) -> Iterator[tuple[str, Row]]:
    """The run unit's histograms and votes, each row with the name of its table."""
    clean = store.load(unit, CLEAN)
    example = example_image(plan, clean.labels)
    references = {condition.reference for condition in plan.whole_conditions}
    for condition in plan.whole_conditions:
        stored = store.load_if_there(unit, condition.name)
        if stored is None:
            continue
        begin = origin(unit, stored, condition)
        if not condition.labelled or condition.name in references:
            for row in _histograms(stored, clean):
                yield "histograms", begin | row
        if shows_example(condition) and example is not None:
            for row in _votes(stored, example):
                yield "example_image", begin | row


def _histograms(stored: StoredPrediction, clean: StoredPrediction) -> Iterator[Row]:
    clean_scores = shown_scores(clean)
    for name, score in shown_scores(stored).items():
        for row in _histogram(score, *_bins(name, clean_scores.get(name, score))):
            yield {"score": name} | row


def _bins(name: str, clean: Tensor) -> tuple[float, float]:
    """Where the bins of a score begin, and how wide they are."""
    score = SCORES.get(name)
    if score is not None and score.bin_width is not None:
        return 0.0, score.bin_width
    values = clean[clean.isfinite()]
    least, most = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    width = (most - least or 1.0) / HISTOGRAM_BINS
    return least, width if 0 < width < math.inf else 1.0


def _histogram(score: Tensor, start: float, width: float) -> Iterator[Row]:
    """The bins from the first to the last that is not empty; infinite values are left out.

    Values more than `MOST_BINS` bins away count in the last bin on their side.
    """
    positions = ((score[score.isfinite()] - start) / width).floor()
    positions = positions.clamp(-MOST_BINS, MOST_BINS).long()
    if not len(positions):
        return
    first = min(0, int(positions.min()))
    for b, count in enumerate(torch.bincount(positions - first).tolist(), start=first):
        yield {"lower": start + b * width, "upper": start + (b + 1) * width, "count": count}


def _votes(stored: StoredPrediction, index: int) -> Iterator[Row]:
    prediction, labels = stored.prediction, stored.labels
    label = None if labels is None else int(labels[index])
    shares, means = prediction.vote_share[index].tolist(), prediction.mean[index].tolist()
    for row in rows(_VOTES[2:], range(len(shares)), shares, means):
        yield {"index": index, "label": label} | row


def _high_disagreement(plan: Plan, store: PredictionStore, recipe: str) -> Iterator[Row]:
    for rank, ranked in enumerate(high_disagreement_images(plan, store, recipe), start=1):
        for unit in largest_units(plan, store, recipe):
            stored = store.load(unit, ranked.condition.name)
            begin = origin(unit, stored, ranked.condition) | {"recipe": recipe}
            for row in _votes(stored, ranked.image):
                yield begin | {"rank": rank, "divergence": ranked.value} | row
