"""The tables in ``curves/`` that only figures need: curves, histograms, and votes on single images.

Each curve is that of one replicate, the first with predictions, so that it is the curve of an
actual network and agrees with that replicate's rows in ``measurements.csv``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.inference.bands import image_draws, risk_curve, roc_curve, wilson_interval
from benchmarks.metrics.calibration import equal_width_bins
from benchmarks.metrics.metric import Weights, each_once
from benchmarks.metrics.scoring import correct
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from benchmarks.records import members_text, write_table
from benchmarks.run.figure_data.compared import (
    example_image,
    first_replicates,
    high_disagreement_images,
    largest_units,
    shows_example,
    typical_conditions,
)
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.stored.listing import own_file
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import CLEAN, CURVES_FOLDER
from methods.scores import SCORES, scores_of
from methods.scores.confidence import confidence
from methods.seeds import derive_seed
from methods.threads import one_torch_thread

HISTOGRAM_BINS = 40
"""Of a score without a bin width of its own, from the least to the highest of the clean images."""

FALSE_POSITIVE_RATES = np.arange(51) ** 2 / 2500
"""At which ROC curves are given; denser where few clean images are flagged."""

COVERAGES = np.arange(1, 51) / 50
"""At which risk is given, from 2 %: the error rate of fewer images is mostly chance."""

BAND_RESAMPLES = 400
"""At most, for a band's percentiles; intervals in tables use all of a run's resamples."""

DECIMALS = 5

_ORIGIN = ("recipe", "method", "members", "replicate", "condition")
_BINS = ("lower", "upper", "count", "confidence", "accuracy")
_ACCURACY_BAND = ("accuracy_lower", "accuracy_upper")
_VOTES = ("index", "label", "class", "vote_share", "mean_probability")

COLUMNS = {
    "reliability": (*_ORIGIN, *_BINS, *_ACCURACY_BAND),
    "histograms": (*_ORIGIN, "score", "lower", "upper", "count"),
    "roc": (*_ORIGIN, "score", "flagged_clean", "flagged", "lower", "upper"),
    "risk_coverage": (*_ORIGIN, "score", "coverage", "risk", "lower", "upper"),
    "example_image": (*_ORIGIN, *_VOTES),
    "high_disagreement": (*_ORIGIN, "rank", "divergence", *_VOTES),
}
"""The tables and their columns.

``reliability``: the 15 bins of the ECE. ``histograms``: images a bin of a score, bins [lower,
upper). ``roc``: shares of the reference's images (``flagged_clean``) and of the condition's
that are flagged as uncertain. ``risk_coverage``: the error rate among the most certain images.
``example_image``: votes on one
of the clean images, also changed by every condition that changes these. ``high_disagreement``:
votes on the images of `high_disagreement_images`; its ``recipe`` is the one whose methods were
compared, also in the rows of methods that train themselves.

``lower`` and ``upper`` of ``flagged`` and ``risk``, and ``accuracy_lower`` and ``accuracy_upper``,
are pointwise 95 % bounds over the draw of images: see `benchmarks.inference.bands`.
"""

Row = dict[str, Any]

DrawsOf = Callable[[str, int], Weights]
"""The resamples of a data set of so many images, the same for all curves."""


@one_torch_thread()
def write_curves(plan: Plan, workspace: Workspace) -> None:
    """Write every table of `COLUMNS` into the run's folder of curves."""
    store = workspace.predictions
    rows: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    draws_of = cache(partial(_draws, plan))
    for unit in first_replicates(plan, store):
        for name, row in _of_unit(plan, store, unit, draws_of):
            rows[name].append(row)
    rows["high_disagreement"] = [
        row for recipe in plan.recipes_compared for row in _high_disagreement(plan, store, recipe)
    ]
    for name, columns in COLUMNS.items():
        table = pd.DataFrame(rows[name], columns=list(columns)).round(DECIMALS)
        write_table(table, own_file(workspace.out, CURVES_FOLDER, f"{name}.csv"))


def _draws(plan: Plan, data: str, images: int) -> Weights:
    chosen = plan.configuration
    seed = derive_seed("bands", chosen.seed, data)
    return image_draws(images, min(BAND_RESAMPLES, chosen.resamples), seed)


def _of_unit(
    plan: Plan, store: PredictionStore, unit: RunUnit, draws_of: DrawsOf
) -> Iterator[tuple[str, Row]]:
    """The run unit's rows, each with the name of its table."""
    clean = store.load(unit, CLEAN)
    example, typical = example_image(plan, clean.labels), typical_conditions(plan)
    references = {condition.reference for condition in plan.whole_conditions}
    for condition in plan.whole_conditions:
        stored = store.load_if_there(unit, condition.name)
        if stored is None:
            continue
        origin = _origin(unit, stored, condition)
        draws = draws_of(condition.data, len(stored.prediction.mean))
        if condition in typical:
            for name, row in _against_labels(stored, draws):
                yield name, origin | row
        if not condition.labelled or condition.name in references:
            for row in _histograms(stored, clean):
                yield "histograms", origin | row
        reference = store.load_if_there(unit, condition.reference)
        if not condition.labelled and reference is not None:
            data = plan.task.condition(condition.reference).data
            reference_draws = draws_of(data, len(reference.prediction.mean))
            for row in _detection(stored, reference, (reference_draws, draws)):
                yield "roc", origin | row
        if shows_example(condition) and example is not None:
            for row in _votes(stored, example):
                yield "example_image", origin | row


def _against_labels(stored: StoredPrediction, draws: Weights) -> Iterator[tuple[str, Row]]:
    assert stored.labels is not None
    right = correct(stored.prediction.mean, stored.labels)
    for row in _reliability(confidence(stored.prediction.mean), right):
        yield "reliability", row
    for name, score in _shown_scores(stored).items():
        for row in _risk_coverage(score, right, draws):
            yield "risk_coverage", {"score": name} | row


def _histograms(stored: StoredPrediction, clean: StoredPrediction) -> Iterator[Row]:
    clean_scores = _shown_scores(clean)
    for name, score in _shown_scores(stored).items():
        for row in _histogram(score, *_bins(name, clean_scores.get(name, score))):
            yield {"score": name} | row


def _detection(
    stored: StoredPrediction, reference: StoredPrediction, draws: tuple[Weights, Weights]
) -> Iterator[Row]:
    of_reference, scores = _shown_scores(reference), _shown_scores(stored)
    for name in (name for name in scores if name in of_reference):
        for row in _roc(of_reference[name], scores[name], draws):
            yield {"score": name} | row


def _reliability(confidence: Tensor, correct: Tensor) -> Iterator[Row]:
    bins = equal_width_bins(confidence, correct)
    count, confident, accuracy = (row[:, 0] for row in bins.fill(each_once(len(confidence))))
    images = count.astype(int)
    columns = bins.edges[:-1], bins.edges[1:], images, confident, accuracy
    return _rows((*_BINS, *_ACCURACY_BAND), *columns, *wilson_interval(accuracy, images))


def _risk_coverage(score: Tensor, correct: Tensor, draws: Weights) -> Iterator[Row]:
    curve = risk_curve(score.numpy(), correct.numpy(), draws, COVERAGES)
    return _rows(("coverage", "risk", "lower", "upper"), COVERAGES, *curve)


def _bins(name: str, clean: Tensor) -> tuple[float, float]:
    """Where the bins of a score begin, and how wide they are."""
    score = SCORES.get(name)
    if score is not None and score.bin_width is not None:
        return 0.0, score.bin_width
    values = clean[clean.isfinite()]
    least, most = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    return least, (most - least or 1.0) / HISTOGRAM_BINS


def _histogram(score: Tensor, start: float, width: float) -> Iterator[Row]:
    """The bins from the first to the last that is not empty; infinite values are left out."""
    positions = ((score[score.isfinite()] - start) / width).floor().long()
    if not len(positions):
        return
    first = min(0, int(positions.min()))
    for b, count in enumerate(torch.bincount(positions - first).tolist(), start=first):
        yield {"lower": start + b * width, "upper": start + (b + 1) * width, "count": count}


def _roc(reference: Tensor, score: Tensor, draws: tuple[Weights, Weights]) -> Iterator[Row]:
    """The point (0, 0), where all curves begin, then the curve from a rate of 0 on."""
    curve = roc_curve(reference.numpy(), score.numpy(), draws, FALSE_POSITIVE_RATES)
    columns = ("flagged_clean", "flagged", "lower", "upper")
    yield dict.fromkeys(columns, 0.0)
    yield from _rows(columns, FALSE_POSITIVE_RATES, *curve)


def _votes(stored: StoredPrediction, index: int) -> Iterator[Row]:
    prediction, labels = stored.prediction, stored.labels
    label = None if labels is None else int(labels[index])
    shares, means = prediction.vote_share[index].tolist(), prediction.mean[index].tolist()
    origin = {"index": index, "label": label}
    for row in _rows(_VOTES[2:], range(len(shares)), shares, means):
        yield origin | row


def _rows(names: Sequence[str], *columns: Iterable[Any]) -> Iterator[Row]:
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _high_disagreement(plan: Plan, store: PredictionStore, recipe: str) -> Iterator[Row]:
    for rank, ranked in enumerate(high_disagreement_images(plan, store, recipe), start=1):
        for unit in largest_units(plan, store, recipe):
            stored = store.load(unit, ranked.condition.name)
            origin = _origin(unit, stored, ranked.condition) | {"recipe": recipe}
            for row in _votes(stored, ranked.image):
                yield origin | {"rank": rank, "divergence": ranked.value} | row


def _shown_scores(stored: StoredPrediction) -> dict[str, Float[Tensor, " images"]]:
    """The scores that figures show, without those that are undefined for a single member."""
    scores = {
        name: score
        for name, score in scores_of(stored.prediction).items()
        if name not in SCORES or SCORES[name].in_figures
    }
    return {name: score for name, score in scores.items() if not score.isnan().any()}


def _origin(unit: RunUnit, stored: StoredPrediction, condition: Condition) -> Row:
    values = (
        unit.recipe,
        unit.method,
        members_text(stored.prediction.members),
        unit.replicate,
        condition.name,
    )
    return dict(zip(_ORIGIN, values, strict=True))
