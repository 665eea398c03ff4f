"""What each image of a prediction contributes to the metrics: of one in memory, or in blocks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from benchmarks.metrics import METRICS, Arrays, Family, Metric, in_families
from benchmarks.metrics.metric import each_once, joined, one_each
from benchmarks.predictions import StoredPrediction
from methods.scores import of_probabilities, score_of

Score = Float[Tensor, " images"]

Fits = dict[Callable[..., Any], Any]
"""By what fits it, what was fitted to the calibration images."""


class ImageValues(Protocol):
    """All that metrics need of a prediction; far less than the probabilities of all classes."""

    @property
    def images(self) -> int:
        """How many there are."""

    @property
    def members(self) -> int | None:
        """Of the prediction; ``None``: the exact distribution."""

    @property
    def labelled(self) -> bool:
        """Whether its images have labels."""

    @property
    def calibrated(self) -> bool:
        """Whether there are predictions of calibration images."""

    @property
    def own_scores(self) -> Collection[str]:
        """The names of the method's own scores."""

    @property
    def impossible_labels(self) -> int:
        """How many labels were given the probability 0."""

    @property
    def reasons(self) -> Mapping[str, str]:
        """By its name, why a score of the suite has no value."""

    def remark(self, metric: Metric) -> str:
        """What a reader of the metric must know of what was fitted to the calibration images."""

    def score(self, name: str) -> Score | None:
        """Of each image; ``None`` if the prediction has it not."""

    def of(self, family: Family, score: str) -> Any | None:
        """What the family's metrics need of each image, by a score if they need one."""


class StoredValues:
    """Of a prediction in memory, computed when they are asked for.

    Args:
        stored: the prediction.
        calibration: the same unit's prediction of the calibration images, if there is one.
        first: the position of its first image, where it is a block of a larger one.
        fits: what is fitted to the calibration images, shared by the blocks.

    Raises:
        UserError: a score or a metric gives something else than a number an image.
    """

    def __init__(
        self,
        stored: StoredPrediction,
        calibration: StoredPrediction | None = None,
        *,
        first: int = 0,
        fits: Fits | None = None,
    ) -> None:
        self._stored, self._calibration, self._first = stored, calibration, first
        self._scores: dict[str, Score | None] = {}
        self._fits: Fits = {} if fits is None else fits

    @property
    def images(self) -> int:
        """See `ImageValues`."""
        return len(self._stored.prediction.mean)

    @property
    def members(self) -> int | None:
        """See `ImageValues`."""
        return self._stored.prediction.members

    @property
    def labelled(self) -> bool:
        """See `ImageValues`."""
        return self._stored.labels is not None

    @property
    def calibrated(self) -> bool:
        """See `ImageValues`."""
        return self._calibration is not None

    @property
    def own_scores(self) -> Collection[str]:
        """See `ImageValues`."""
        return tuple(self._stored.prediction.scores)

    @property
    def reasons(self) -> Mapping[str, str]:
        """See `ImageValues`."""
        return self._stored.reasons

    @property
    def impossible_labels(self) -> int:
        """See `ImageValues`."""
        if self._stored.labels is None:
            return 0
        of_label = self._stored.prediction.mean.gather(-1, self._stored.labels[:, None])
        return int((of_label == 0).sum())

    def remark(self, metric: Metric) -> str:
        """See `ImageValues`."""
        return _remark(metric, self._fits)

    def score(self, name: str) -> Score | None:
        """See `ImageValues`."""
        if name not in self._scores:
            score = score_of(self._stored.prediction, name)
            if score is not None:
                one_each(f"score {name!r}", score, self.images)
            self._scores[name] = score
        return self._scores[name]

    def of(self, family: Family, score: str) -> Any | None:
        """See `ImageValues`."""
        return family.of_images(
            Arrays(
                self._stored.prediction,
                labels=self._stored.labels,
                score=self.score(score),
                member_values=self._stored.member_values,
                fitted=self._fitted(family),
                first=self._first,
            )
        )

    def _fitted(self, family: Family) -> Any | None:
        calibration, fit = self._calibration, family.of_calibration
        if calibration is None or calibration.labels is None:
            return None
        if fit not in self._fits:
            self._fits[fit] = fit(calibration.prediction.mean, calibration.labels)
        return self._fits[fit]


class JoinedValues:
    """Of a prediction that comes in blocks of images, at least one, each of which is then let go.

    Args:
        blocks: of images, with the same scores of their own.
        calibration: the prediction of the calibration images, if there is one.
    """

    reasons: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, blocks: Iterable[StoredPrediction], calibration: StoredPrediction | None = None
    ) -> None:
        families = in_families(METRICS.values())
        parts: dict[tuple[type[Family], str], list[Any]] = {}
        scores: dict[str, list[Any]] = {}
        self.images, self.impossible_labels = 0, 0
        self.calibrated = calibration is not None
        self._fits: Fits = {}
        for stored in blocks:
            block = StoredValues(stored, calibration, first=self.images, fits=self._fits)
            self.images += block.images
            self.impossible_labels += block.impossible_labels
            self.members: int | None = block.members
            self.labelled = block.labelled
            self.own_scores = block.own_scores
            names = (*of_probabilities(), *block.own_scores)
            for name in names:
                scores.setdefault(name, []).append(block.score(name))
            for family in families:
                for score in names if "score" in family.needs else ("",):
                    key = (type(family), score)
                    parts.setdefault(key, []).append(block.of(family, score))
        self._scores = {name: torch.cat(of_blocks) for name, of_blocks in scores.items()}
        self._parts = {key: joined(parts.pop(key)) for key in list(parts)}

    def remark(self, metric: Metric) -> str:
        """See `ImageValues`."""
        return _remark(metric, self._fits)

    def score(self, name: str) -> Score | None:
        """See `ImageValues`."""
        return self._scores.get(name)

    def of(self, family: Family, score: str) -> Any | None:
        """See `ImageValues`."""
        return self._parts[type(family), score]


def _remark(metric: Metric, fits: Fits) -> str:
    family = metric.family((metric,))
    fitted = fits.get(family.of_calibration)
    return "" if fitted is None else family.remark(metric, fitted)


def prepared(
    family: Family, score: str, own: ImageValues, reference: ImageValues | None
) -> Any | None:
    """The images sorted or binned by the family; ``None`` where none of its metrics is defined.

    Args:
        reference: of the images from which these are distinguished; ``None`` where these are they.
    """
    of_images = own.of(family, score)
    if of_images is None:
        return None
    against = reference if "reference" in family.needs else None
    return family.arranged(of_images, None if against is None else against.of(family, score))


def values_of(
    family: Family, score: str, own: ImageValues, reference: ImageValues | None
) -> Float64[np.ndarray, " metrics"]:
    """The metrics of the images themselves, each with a weight of one; NaN where undefined."""
    ready = prepared(family, score, own, reference)
    if ready is None:
        return np.full(len(family.metrics), np.nan)
    once = (each_once(one.images if one else 0) for one in (own, reference))
    values: Float64[np.ndarray, " metrics"] = family.evaluate(ready, *once)[:, 0]
    return values
