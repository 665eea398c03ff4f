"""Four numbers an image, from which the measures of the headline follow: a file of two megabytes.

Of the mean prediction: whether it is right, its confidence, its entropy and the negative
log-likelihood of the label. They are kept in half precision: the error of an image's number is
0.05 %, or 3e-8 where that is more. Predictions of others are rounded likewise, so that a method
compared with itself does not differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Bool, Float64, UInt8
from numpy.typing import NDArray

from benchmarks.inference.image_values import ImageValues, RankedFamily, every_measure
from benchmarks.metrics.calibration import Calibration
from benchmarks.metrics.detection import Detection
from benchmarks.metrics.scoring import LabelMeans, correct, negative_log_likelihood
from benchmarks.metrics.selective import Selective
from benchmarks.predictions import StoredPrediction
from benchmarks.schema import ArraysByName
from benchmarks.tasks.task import Condition
from methods.scores.probabilities import confidence, predictive_entropy

SCORE = "predictive_entropy"
"""By which images are ranked."""

MEANS = ("accuracy", "nll")
"""The means over images that follow from the numbers, in the order of `ImageColumns.values`."""

MOST_IMAGES = 2500
"""Of each condition the first so many."""

OfImages = Float64[np.ndarray, " images"]

Bytes = UInt8[np.ndarray, "2 ..."]
"""The lower bytes of half-precision numbers, then the upper: they compress better apart."""


def headline_measures(condition: Condition, _: Collection[str] = ()) -> Iterator[RankedFamily]:
    """The measures of a condition that follow from the four numbers."""
    for family, score in _families():
        if condition.detected or "reference" not in family.needs:
            yield family, score


def _families() -> Iterator[RankedFamily]:
    for family, score in every_measure(()):
        if isinstance(family, LabelMeans) and type(family) is LabelMeans:
            chosen = {metric.name: metric for metric in family.metrics}
            yield LabelMeans(chosen[name] for name in MEANS), score
        elif type(family) is Calibration or (
            isinstance(family, Selective | Detection) and score == SCORE
        ):
            yield family, score


class ImageColumns(NamedTuple):
    """The four numbers of each image.

    Attributes:
        entropy: in nats.
        right, nll, confidence: ``None`` where the images have no labels.
    """

    entropy: OfImages
    right: Bool[np.ndarray, " images"] | None = None
    nll: OfImages | None = None
    confidence: OfImages | None = None

    @classmethod
    def of(cls, stored: StoredPrediction) -> Self:
        """Those of the first `MOST_IMAGES` of a prediction."""
        mean = stored.prediction.mean[:MOST_IMAGES]
        entropy = predictive_entropy(mean).numpy()
        if stored.labels is None:
            return cls(entropy)
        labels = stored.labels[:MOST_IMAGES]
        nll = negative_log_likelihood(mean, labels).numpy()
        return cls(entropy, correct(mean, labels).numpy(), nll, confidence(mean).numpy())

    @classmethod
    def joined(cls, parts: Iterable[ImageColumns]) -> Self:
        """Those of images that come in blocks."""
        columns = (_known(column) for column in zip(*parts, strict=True))
        entropy, *others = (np.concatenate(column) if column else None for column in columns)
        assert entropy is not None
        return cls(entropy, *others)

    def rounded(self) -> ImageColumns:
        """As they are read from a file."""
        (columns,) = unpacked_columns(
            packed_columns("", [self]), "", labelled=self.right is not None
        )
        return columns

    def values(self, *, classes: int, members: int | None) -> ImageValues:
        """What metrics need of them, by families."""
        parts: dict[tuple[type[Any], str], Any] = {}
        for family, score in _families():
            if isinstance(family, Detection):
                parts[type(family), score] = self.entropy
            elif self.right is None or self.nll is None:
                continue
            elif isinstance(family, LabelMeans):
                parts[type(family), score] = np.stack([self.right.astype(float), self.nll])
            else:
                number = self.entropy if isinstance(family, Selective) else self.confidence
                parts[type(family), score] = number, self.right
        return ImageValues.from_parts(
            parts,
            {SCORE: torch.from_numpy(self.entropy)},
            classes=classes,
            members=members,
            labelled=self.right is not None,
            impossible_labels=0 if self.nll is None else int(np.isinf(self.nll).sum()),
        )


def packed_columns(condition: str, methods: Sequence[ImageColumns]) -> ArraysByName:
    """The columns of some methods as arrays for a file, by their names in it.

    Where an image is classified correctly, its confidence follows from the negative
    log-likelihood and is left out.
    """
    entropy, *labelled = (np.stack(each) for each in zip(*map(_known, methods), strict=True))
    arrays = {"entropy": _bytes_of(entropy)}
    if labelled:
        right, nll, confident = labelled
        arrays["right"] = np.packbits(right, axis=1)
        arrays["nll"], arrays["confidence"] = _bytes_of(nll), _bytes_of(confident[~right])
    return {f"{name} {condition}": array for name, array in arrays.items()}


def unpacked_columns(
    arrays: Mapping[str, NDArray[Any]], condition: str, *, labelled: bool
) -> list[ImageColumns]:
    """The columns of all methods that `packed_columns` made arrays of.

    Args:
        labelled: whether the condition's images have labels.

    Raises:
        KeyError, ValueError, TypeError: the arrays are of something else.
    """
    entropy = _numbers_of(arrays[f"entropy {condition}"])
    if not labelled:
        return [ImageColumns(own) for own in entropy]
    packed = arrays[f"right {condition}"]
    right = np.unpackbits(packed, axis=1, count=entropy.shape[1]).astype(bool)
    nll = _numbers_of(arrays[f"nll {condition}"])
    confident = np.exp(-nll)
    confident[~right] = _numbers_of(arrays[f"confidence {condition}"])
    return [ImageColumns(*own) for own in zip(entropy, right, nll, confident, strict=True)]


def _known(columns: Iterable[NDArray[Any] | None]) -> list[NDArray[Any]]:
    return [column for column in columns if column is not None]


def _bytes_of(numbers: NDArray[Any]) -> Bytes:
    halves = np.ascontiguousarray(numbers, dtype="<f2")
    return np.stack([halves.view(np.uint8)[..., place::2] for place in (0, 1)])


def _numbers_of(both: Bytes) -> Float64[np.ndarray, ...]:
    together = np.ascontiguousarray(np.stack([both[0], both[1]], axis=-1))
    numbers: Float64[np.ndarray, ...] = together.view("<f2")[..., 0].astype(np.float64)
    return numbers
