"""How far a sampled prediction is from its limit: both of the same networks, on the same images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.inference.estimate import estimate
from benchmarks.metrics import METRICS, Arrays
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.plan import Plan
from benchmarks.schema import members_text
from benchmarks.vocabulary import VOTES

DECIMALS = 6

COLUMNS = (
    *("recipe", "method", "members", "other_method", "condition", "measure", "networks", "images"),
    *("rms_error", "difference", "lower", "upper"),
)
"""Those of ``curves/sampling_error.csv``: ``other_method`` is the limit.

``measure``: a metric that is a mean over images, or the share of votes for a class. ``rms_error``:
root mean square over networks and images (and classes) of the error of a single image's value.
``difference``: of the metric, sampled less exact, as a mean over networks with its 95 % interval.
"""

Row = dict[str, Any]

Pair = tuple[RunUnit, RunUnit]
"""A sampled run unit, and its limit with the same network."""

Values = npt.NDArray[np.float64]


def sampling_errors(
    plan: Plan, condition: str, stored: Mapping[RunUnit, StoredPrediction]
) -> Iterator[Row]:
    """The rows of one condition, for each sampled method, size and measure.

    Args:
        stored: the predictions of `limits` and of what they are the limits of.
    """
    groups: dict[tuple[str, str, int | None], list[Pair]] = {}
    for sampled, exact in limits(plan).items():
        if sampled in stored and exact in stored:
            key = sampled.recipe, sampled.method, sampled.size
            groups.setdefault(key, []).append((sampled, exact))
    for pairs in groups.values():
        yield from _of_group(stored, pairs, condition)


def sampling_table(rows: Iterable[Row]) -> pd.DataFrame:
    """The rows as ``curves/sampling_error.csv``."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).round(DECIMALS)


def limits(plan: Plan) -> dict[RunUnit, RunUnit]:
    """Each sampled run unit's limit, of the same recipe and replicate: the same network."""
    classes, units = plan.configuration.classes, plan.units()
    exact = {
        (unit.recipe, classes[unit.method].limit_of, unit.replicate): unit
        for unit in units
        if classes[unit.method].limit_of
    }
    return {
        unit: exact[key]
        for unit in units
        if (key := (unit.recipe, unit.method, unit.replicate)) in exact
    }


def _of_group(
    stored: Mapping[RunUnit, StoredPrediction], pairs: list[Pair], condition: str
) -> Iterator[Row]:
    """A row for each measure of a sampled method, of one size, under one condition."""
    sampled, exact = ([_measured(stored[pair[side]]) for pair in pairs] for side in (0, 1))
    unit, limit = pairs[0]
    for measure in exact[0]:
        with np.errstate(invalid="ignore"):  # an infinite NLL less another
            errors = np.stack(
                [one[measure] - other[measure] for one, other in zip(sampled, exact, strict=True)]
            )
        yield {
            "recipe": unit.recipe,
            "method": unit.method,
            "members": members_text(unit.size),
            "other_method": limit.method,
            "condition": condition,
            "measure": measure,
            "networks": len(pairs),
            "images": errors.shape[1],
            "rms_error": float(np.sqrt(np.square(errors).mean())),
            **({} if measure == VOTES else _difference(errors.mean(axis=1))),
        }


def _measured(stored: StoredPrediction) -> dict[str, Values]:
    """By measure, each image's value; of the votes a value for each class."""
    arrays = Arrays(stored.prediction, stored.labels)
    measured: dict[str, Values] = {VOTES: stored.prediction.vote_share.numpy()}
    for metric in METRICS.values():
        family = metric.family
        if family.means_over_images and family.needs <= {"labels"}:
            of_images = family([metric]).of_images(arrays)
            if of_images is not None:
                measured[metric.name] = np.asarray(of_images[0])
    return measured


def _difference(apart: Values) -> dict[str, float]:
    """The mean over networks, with its interval where there are several of them."""
    networks = len(apart)
    mean = estimate(apart, np.zeros((networks, networks)), networks)
    half = mean.half_width if networks > 1 else np.nan
    return {"difference": mean.value, "lower": mean.value - half, "upper": mean.value + half}
