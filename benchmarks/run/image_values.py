"""What each image of a prediction contributes to the metrics: formed once, for all that follows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.metrics import METRICS, Family, Metric, MetricInputs, in_families
from benchmarks.metrics.metric import joined, one_each
from benchmarks.predictions import StoredPrediction
from methods.scores import probability_scores, score_of

ImageScore = Float[Tensor, " images"]

RankedFamily = tuple[Family, str]
"""Metrics of a family, and the score by which they rank images; empty: they use none."""

Fits = Mapping[Callable[..., Any], Any]
"""What was fitted to the calibration images, by what fits it."""

NO_FITS: Fits = MappingProxyType({})


def fits_to(calibration: StoredPrediction | None) -> Fits:
    """What metrics need of the prediction of the calibration images, if there is one.

    Empty where there is none.
    """
    if calibration is None or calibration.labels is None:
        return NO_FITS
    mean, labels = calibration.prediction.mean, calibration.labels
    fits = dict.fromkeys(family.fit_calibration for family in in_families(METRICS.values()))
    return {fit: fit(mean, labels) for fit in fits}


def every_measure(own_scores: Collection[str]) -> Iterator[RankedFamily]:
    """Metrics of all families, those of rankings by each score that a prediction has."""
    for family in in_families(METRICS.values()):
        if "score" in family.needs:
            yield from ((family, score) for score in (*probability_scores(), *own_scores))
        else:
            yield family, ""


class ImageValues:
    """Values that metrics need of a prediction; far less than the probabilities of all classes.

    Args:
        blocks: the prediction, whole or in blocks of images with the same scores of their own, at
            least one; each is let go before the next.
        fits: of the same unit.
        measures: those that are to be formed, by the names of the prediction's own scores.

    Attributes:
        images: how many there are.
        classes: how many the prediction is of.
        members: of the prediction; ``None``: the exact distribution.
        labelled: whether its images have labels.
        calibrated: whether there are predictions of calibration images.
        own_scores: the names of the method's own scores, and of the suite's that are stored.
        impossible_labels: how many labels were given the probability 0.
        reasons: by its name, why a score of the suite has no value.
        note: the method's own remark on its fit.

    Raises:
        UserError: a score or a metric gives something else than a number an image.
    """

    def __init__(
        self,
        blocks: Iterable[StoredPrediction],
        fits: Fits = NO_FITS,
        measures: Callable[[Collection[str]], Iterable[RankedFamily]] = every_measure,
    ) -> None:
        self.images, self.impossible_labels = 0, 0
        self.calibrated = bool(fits)
        self._fits = fits
        parts: dict[tuple[type[Family], str], list[Any]] = {}
        scores: dict[str, list[ImageScore]] = {}
        for stored in blocks:
            prediction = stored.prediction
            self.members: int | None = prediction.members
            self.classes = prediction.mean.shape[-1]
            self.labelled = stored.labels is not None
            self.own_scores = tuple(prediction.scores)
            self.reasons, self.note = stored.reasons, prediction.remark
            if stored.labels is not None:
                label_probabilities = prediction.mean.gather(-1, stored.labels[:, None])
                self.impossible_labels += int((label_probabilities == 0).sum())
            formed: dict[str, ImageScore] = {}
            for family, score in measures(self.own_scores):
                if score not in formed and (own := score_of(prediction, score)) is not None:
                    formed[score] = one_each(f"score {score!r}", own, len(prediction.mean))
                arrays = MetricInputs(
                    prediction,
                    labels=stored.labels,
                    score=formed.get(score),
                    fitted=fits.get(family.fit_calibration),
                    first=self.images,
                )
                parts.setdefault((type(family), score), []).append(family.per_image(arrays))
            for name, values in formed.items():
                scores.setdefault(name, []).append(values)
            self.images += len(prediction.mean)
        self._parts = {key: joined(parts.pop(key)) for key in list(parts)}
        self._scores = {name: torch.cat(own) for name, own in scores.items()}

    def score(self, name: str) -> ImageScore | None:
        """Values of a score; ``None`` if there are none, or nothing is ranked by it."""
        return self._scores.get(name)

    def of(self, family: type[Family], score: str = "") -> Any:
        """What the family's metrics need of each image; ``None`` where they are not formed."""
        return self._parts.get((family, score))

    def remark(self, metric: Metric) -> str:
        """What a reader of the metric must know of what was fitted to the calibration images."""
        fitted = self._fits.get(metric.family.fit_calibration)
        return "" if fitted is None else metric.family((metric,)).remark(metric, fitted)


def prepared(
    family: Family, score: str, own: ImageValues, reference: ImageValues | None
) -> Any | None:
    """The images sorted or binned by the family; ``None`` where none of its metrics is defined."""
    columns = own.of(type(family), score)
    if columns is None:
        return None
    against = reference if "reference" in family.needs else None
    return family.arranged(columns, None if against is None else against.of(type(family), score))
