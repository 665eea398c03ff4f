"""From shards to the small tables that only figures need, without a network or an image.

Each curve is that of one replicate, the first that there is: it belongs to a network that exists,
and agrees with that replicate's rows in ``measurements.csv``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.inference.bands import Draws, image_draws, risk_band, roc_band, wilson_interval
from benchmarks.inference.measures import SCORES
from benchmarks.metrics import calibration, detection, scoring, selective
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.records import members_text, write_table
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import CLEAN, CURVES_FOLDER, SELF_TRAINED, SHOWN_SCORES
from methods.seeds import derive_seed
from methods.threads import one_torch_thread

SHOWN_ANGLES = (0, 30, 60)
"""The degrees at which reliability and selective prediction are drawn; 0 is clean."""

BIN_WIDTHS = {
    "predictive_entropy": 0.08,
    "mutual_information": 0.02,
    "pairwise_disagreement": 0.04,
}
"""Of the histograms, in the score's unit."""

FALSE_POSITIVE_RATES = np.arange(51) ** 2 / 2500
"""At which ROC curves are given; closer where the fewest clean images are flagged."""

COVERAGES = np.arange(1, 51) / 50
"""At which risk is given: the error rate of fewer images is chance."""

BAND_RESAMPLES = 400
"""At most, for a band's percentiles; intervals in tables take all of a run's resamples."""

DECIMALS = 5

DIGIT = 1
"""Which digit is turned before the methods' eyes, as in Gal & Ghahramani 2016, figure 4."""

HIGH_DISAGREEMENT = 12
"""How many images, those which the methods dispute most, are shown."""

_ORIGIN = ("recipe", "method", "members", "replicate", "condition")
_BINS = ("lower", "upper", "count", "confidence", "accuracy")
_ACCURACY_BAND = ("accuracy_lower", "accuracy_upper")
_VOTES = ("index", "label", "class", "vote_share", "mean_probability")

COLUMNS = {
    "reliability": (*_ORIGIN, *_BINS, *_ACCURACY_BAND),
    "histograms": (*_ORIGIN, "score", "lower", "upper", "count"),
    "roc": (*_ORIGIN, "score", "flagged_clean", "flagged", "lower", "upper"),
    "risk_coverage": (*_ORIGIN, "score", "coverage", "risk", "lower", "upper"),
    "rotated_digit": (*_ORIGIN, *_VOTES),
    "high_disagreement": (*_ORIGIN, "rank", "divergence", *_VOTES),
}
"""The tables and their columns.

``reliability``: the 15 bins of the ECE. ``histograms``: images a bin of a score, bins [lower,
upper). ``roc``: shares of the clean images and of the condition's that are flagged as uncertain.
``risk_coverage``: the error rate among the most certain images. ``rotated_digit``: the first 1
among the images, turned. ``high_disagreement``: see `high_disagreement_images`; ``recipe`` is there the recipe whose
methods were compared, also in the rows of methods that train themselves.

``lower`` and ``upper`` of ``flagged`` and ``risk``, and ``accuracy_lower`` and ``accuracy_upper``,
are pointwise 95 % bounds over the draw of images: see `benchmarks.inference.bands`.
"""

Row = dict[str, Any]

DrawsOf = Callable[[str | None, int], Draws]
"""The resamples of a data set (``None``: MNIST) of so many images, the same for all curves."""


class Ranked(NamedTuple):
    """An image, under the condition in which some value of it is highest."""

    condition: Condition
    image: int
    value: float


@one_torch_thread()
def write_curves(plan: Plan, workspace: Workspace) -> None:
    """Write every table of `COLUMNS` into the run's folder of curves."""
    rows: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    draws_of = cache(partial(_draws, plan))
    for unit in _first_replicates(plan, workspace):
        for name, row in _of_unit(plan, workspace, unit, draws_of):
            rows[name].append(row)
    rows["high_disagreement"] = [
        row
        for recipe in recipes_compared(plan)
        for row in _high_disagreement(plan, workspace, recipe)
    ]
    for name, columns in COLUMNS.items():
        table = pd.DataFrame(rows[name], columns=list(columns)).round(DECIMALS)
        write_table(table, workspace.out / CURVES_FOLDER / f"{name}.csv")


def rotated_digit(labels: Int64[Tensor, " images"] | None) -> int | None:
    """The index of the first digit 1, or ``None`` if there is none."""
    found = [] if labels is None else (labels == DIGIT).nonzero().flatten().tolist()
    return int(found[0]) if found else None


def recipes_compared(plan: Plan) -> tuple[str, ...]:
    """The recipes whose methods are compared; methods that train themselves are in each."""
    pooled = any(entry.pooled for entry in plan.configuration.entries.values())
    return tuple(sorted(plan.configuration.recipes)) if pooled else (SELF_TRAINED,)


def high_disagreement_images(plan: Plan, workspace: Workspace, recipe: str) -> list[Ranked]:
    """The images on which the methods' votes differ most: see `divergence`.

    Compared are the largest size of each method, under the conditions whose labels are well
    defined; none if there is one method only.
    """
    units = contestants(plan, workspace, recipe)
    if len(units) < 2:
        return []
    values = {
        c: divergence(workspace, units, c) for c in certain_conditions(plan, workspace, units)
    }
    return highest(values, HIGH_DISAGREEMENT)


def highest(values: dict[Condition, Float[Tensor, " images"]], count: int) -> list[Ranked]:
    """The images of the highest values, each under one condition only, and none of value 0."""
    if not values:
        return []
    conditions = list(values)
    # Rounded, so that images are ranked alike on every machine.
    of_each, where = torch.stack(list(values.values())).round(decimals=9).max(dim=0)
    order = of_each.sort(descending=True, stable=True).indices[:count].tolist()
    return [
        Ranked(conditions[int(where[image])], image, float(of_each[image]))
        for image in order
        if of_each[image] > 0
    ]


def certain_conditions(plan: Plan, workspace: Workspace, units: list[RunUnit]) -> list[Condition]:
    """Those whose labels are well defined and which all of the cells have judged."""
    return [
        condition
        for condition in large_conditions(plan)
        if condition.labelled
        and not condition.labels_ill_defined
        and all(workspace.predictions.holds(unit, condition.name) for unit in units)
    ]


def large_conditions(plan: Plan) -> list[Condition]:
    """Without those that are small for the sake of exact MC-dropout: too few for a curve."""
    return [condition for condition in plan.conditions if not condition.subset]


def _first_replicates(plan: Plan, workspace: Workspace) -> list[RunUnit]:
    """Of each method, compared size and recipe the first replicate that has judged clean images."""
    first: dict[tuple[str, str, int], RunUnit] = {}
    for unit in sorted(filter(plan.is_compared, plan.units()), key=lambda unit: unit.replicate):
        if plan.objection(unit) is None and workspace.predictions.holds(unit, CLEAN):
            first.setdefault((unit.recipe, unit.method, unit.size or 0), unit)
    return [first[key] for key in sorted(first)]


def contestants(plan: Plan, workspace: Workspace, recipe: str) -> list[RunUnit]:
    """The largest size of each method of a recipe, and of the methods that train themselves."""
    largest = {
        unit.method: unit
        for unit in _first_replicates(plan, workspace)
        if unit.recipe in (recipe, SELF_TRAINED)
    }
    return [largest[method] for method in sorted(largest)]


def _draws(plan: Plan, dataset: str | None, images: int) -> Draws:
    chosen = plan.configuration
    seed = derive_seed("bands", chosen.seed, dataset or "mnist")
    return image_draws(images, min(BAND_RESAMPLES, chosen.resamples), seed)


def _of_unit(
    plan: Plan, workspace: Workspace, unit: RunUnit, draws_of: DrawsOf
) -> Iterator[tuple[str, Row]]:
    """The cell's rows, each with the name of its table."""
    clean = workspace.predictions.load(unit, CLEAN)
    digit = rotated_digit(clean.labels)
    for condition in large_conditions(plan):
        stored = workspace.predictions.load_if_there(unit, condition.name)
        if stored is None:
            continue
        origin = _origin(unit, stored, condition)
        for name, row in _of_stored(condition, stored, clean, draws_of):
            yield name, origin | row
        if condition.labelled and digit is not None:
            for row in _votes(stored, digit):
                yield "rotated_digit", origin | row


def _of_stored(
    condition: Condition, stored: StoredPrediction, clean: StoredPrediction, draws_of: DrawsOf
) -> Iterator[tuple[str, Row]]:
    draws = draws_of(condition.dataset, len(stored.prediction.mean))
    mean, labels = stored.prediction.mean, stored.labels
    scores = _defined_scores(stored)
    if labels is not None and condition.angle in SHOWN_ANGLES:
        correct = scoring.correct(mean, labels)
        for row in _reliability(calibration.confidence(mean), correct):
            yield "reliability", row
        for name, score in scores.items():
            for row in _risk_coverage(score, correct, draws):
                yield "risk_coverage", {"score": name} | row
    if condition.name == CLEAN or not condition.labelled:
        for name, score in scores.items():
            for row in _histogram(score, BIN_WIDTHS[name]):
                yield "histograms", {"score": name} | row
    if not condition.labelled:
        clean_scores = _defined_scores(clean)
        both_draws = draws_of(None, len(clean.prediction.mean)), draws
        for name in (name for name in scores if name in clean_scores):
            for row in _roc(clean_scores[name], scores[name], both_draws):
                yield "roc", {"score": name} | row


def _reliability(confidence: Tensor, correct: Tensor) -> Iterator[Row]:
    bins = calibration.equal_width_bins(confidence, correct)
    band = wilson_interval(bins.accuracy.numpy(), bins.count.numpy())
    columns = (*(getattr(bins, column).tolist() for column in _BINS), *band.tolist())
    for values in zip(*columns, strict=True):
        yield dict(zip((*_BINS, *_ACCURACY_BAND), values, strict=True))


def _risk_coverage(score: Tensor, correct: Tensor, draws: Draws) -> Iterator[Row]:
    coverage, risk = selective.risk_coverage_curve(score, correct)
    errors = np.interp(COVERAGES, np.append(0, coverage), np.append(0, coverage * risk))
    lower, upper = risk_band(score.numpy(), correct.numpy(), draws, COVERAGES)
    columns = ("coverage", "risk", "lower", "upper")
    for values in zip(COVERAGES, errors / COVERAGES, lower, upper, strict=True):
        yield dict(zip(columns, values, strict=True))


def _histogram(score: Tensor, width: float) -> Iterator[Row]:
    """The bins from 0 to the last that is not empty."""
    for b, count in enumerate(torch.bincount((score / width).long()).tolist()):
        yield {"lower": b * width, "upper": (b + 1) * width, "count": count}


def _roc(clean: Tensor, score: Tensor, draws: tuple[Draws, Draws]) -> Iterator[Row]:
    """The origin, where all curves begin, and the curve from where no clean image is flagged."""
    both = torch.cat([clean, score])
    shares = detection.roc_curve(both, torch.arange(len(both)) >= len(clean))
    flagged = np.interp(FALSE_POSITIVE_RATES, *shares)
    lower, upper = roc_band(clean.numpy(), score.numpy(), draws, FALSE_POSITIVE_RATES)
    columns = ("flagged_clean", "flagged", "lower", "upper")
    yield dict.fromkeys(columns, 0.0)
    for values in zip(FALSE_POSITIVE_RATES, flagged, lower, upper, strict=True):
        yield dict(zip(columns, values, strict=True))


def _votes(stored: StoredPrediction, index: int) -> Iterator[Row]:
    prediction, labels = stored.prediction, stored.labels
    label = None if labels is None else int(labels[index])
    shares, means = prediction.vote_share[index].tolist(), prediction.mean[index].tolist()
    for c, (share, mean) in enumerate(zip(shares, means, strict=True)):
        values = (index, label, c, share, mean)
        yield dict(zip(_VOTES, values, strict=True))


def _high_disagreement(plan: Plan, workspace: Workspace, recipe: str) -> Iterator[Row]:
    for rank, ranked in enumerate(high_disagreement_images(plan, workspace, recipe), start=1):
        for unit in contestants(plan, workspace, recipe):
            stored = workspace.predictions.load(unit, ranked.condition.name)
            origin = _origin(unit, stored, ranked.condition) | {"recipe": recipe}
            for row in _votes(stored, ranked.image):
                yield origin | {"rank": rank, "divergence": ranked.value} | row


def divergence(
    workspace: Workspace, units: list[RunUnit], condition: Condition
) -> Float[Tensor, " images"]:
    """How much the cells' votes differ on each image, in nats.

    The Jensen–Shannon divergence of the votes (Lin 1991, equation 5.1), H(mean_k s_k) −
    mean_k H(s_k) with s_k the vote shares of cell k: zero where all vote alike, however split the
    votes of each.
    """
    shares = torch.stack(
        [workspace.predictions.load(unit, condition.name).prediction.vote_share for unit in units]
    )
    entropy_of_mean = torch.special.entr(shares.mean(dim=0)).sum(dim=-1)
    difference: Tensor = entropy_of_mean - torch.special.entr(shares).sum(dim=-1).mean(dim=0)
    return difference


def _defined_scores(stored: StoredPrediction) -> dict[str, Float[Tensor, " images"]]:
    """Without those that one member alone leaves undefined."""
    scores = {name: SCORES[name](stored.prediction) for name in SHOWN_SCORES}
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
