"""The noun: a number computed from predictions; and the families, which compute many at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor

from benchmarks.io import UserError
from methods.interface import Prediction

Weights = UInt8[np.ndarray, "images resamples"]
"""How often each resample has each image."""

MetricsByResample = Float64[np.ndarray, "metrics resamples"]


class Influences(NamedTuple):
    """How each image moves metrics: N times the derivative by its weight, with N images of a side.

    The number of images is always the same, so that each row sums to 0. Over the draw of images, a
    metric has the variance Σ ψ² / N², summed over both sides (the infinitesimal jackknife: Jaeckel
    1972; Efron 1982, chapter 6); where the sides have the same images, both influences of an image
    are added first. No number of a row is finite if its metric is
    not.

    Attributes:
        own: of the images that are measured.
        reference: of those that they are compared with; ``None`` if they are not.
    """

    own: Float64[np.ndarray, "metrics images"]
    reference: Float64[np.ndarray, "metrics reference_images"] | None = None


PerResample = Float64[np.ndarray, " resamples"]

MetricNeed = Literal["labels", "score", "reference", "calibration"]


@dataclass(frozen=True, eq=False)
class MetricInputs:
    """What metrics of a prediction are computed from.

    Attributes:
        prediction: of the images that are measured.
        labels: of these images; ``None`` where they have none.
        reference: the prediction of the in-distribution images from which these are distinguished;
            ``None`` where these are in-distribution themselves.
        score: by which the images are ranked, higher is less certain; ``None`` if it is another
            method's own.
        reference_score: the same of the reference's images.
        fitted: what the family fitted on predictions of calibration images; ``None`` where there
            are none, or nothing is fitted.
        first: the position of the first image, where images come in blocks.
    """

    prediction: Prediction
    labels: Int64[Tensor, " images"] | None = None
    reference: Prediction | None = None
    score: Float[Tensor, " images"] | None = None
    reference_score: Float[Tensor, " reference_images"] | None = None
    fitted: Any | None = None
    first: int = 0


class Family(ABC):
    """Metrics that are computed together: from the same arrays, sorted or binned once.

    What a metric's `function` takes and gives is its family's to say.

    Attributes:
        needs: what its metrics need beyond a prediction of the images.
        means_over_images: whether a metric is a mean over images, so that a difference has an
            effect size in standard deviations of the images.
        resampled: whether its metrics vary with the draw of images, and so have an interval.
    """

    needs: ClassVar[frozenset[MetricNeed]] = frozenset()
    means_over_images: ClassVar[bool] = False
    resampled: ClassVar[bool] = True

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.metrics = tuple(metrics)

    @abstractmethod
    def per_image(self, arrays: MetricInputs) -> Any | None:
        """What each image contributes: an array or several, images last; ``None``: nothing.

        An image's part depends on no other image, so that images may come in blocks.
        """

    @staticmethod
    def fit_calibration(
        mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
    ) -> Any | None:
        """What is fitted on the prediction of the calibration images; by default nothing.

        It is `MetricInputs.fitted` of others that are measured, for all families that share the
        function.
        """
        return None

    def remark(self, metric: Metric, fitted: Any) -> str:
        """What a reader of a metric must know of what was fitted; by default nothing."""
        return ""

    def arranged(self, images: Any, reference: Any | None) -> Any | None:
        """The images sorted or binned, once for all resamples; ``None``: no metric is defined.

        Args:
            images: what `per_image` gives of all images.
            reference: and of the reference's, if a reference is needed and there is one.
        """
        return images

    @abstractmethod
    def evaluate(
        self, prepared: Any, weights: Weights, reference_weights: Weights
    ) -> MetricsByResample:
        """The metrics on every resample, NaN where undefined; weights are numbers of copies."""

    def influence(self, prepared: Any) -> Influences | None:
        """How each image moves the metrics; ``None``: intervals come from resamples."""
        return None

    def prepare(self, arrays: MetricInputs) -> Any | None:
        """What is done once for all resamples; ``None`` where no metric is defined."""
        own, reference = self.per_image(arrays), None
        if own is None:
            return None
        if "reference" in self.needs and arrays.reference is not None:
            compared = MetricInputs(arrays.reference, score=arrays.reference_score)
            reference = self.per_image(compared)
        return self.arranged(own, reference)

    def values(self, arrays: MetricInputs) -> Float64[np.ndarray, " metrics"]:
        """The metrics of the images themselves, each with a weight of one."""
        prepared = self.prepare(arrays)
        if prepared is None:
            return np.full(len(self.metrics), np.nan)
        once = (each_once(len(p.mean) if p else 0) for p in (arrays.prediction, arrays.reference))
        values: Float64[np.ndarray, " metrics"] = self.evaluate(prepared, *once)[:, 0]
        return values

    def each(self, count: int, *given: Any) -> list[Any]:
        """What the metrics' own functions give: a number for each of so many images, or resamples.

        Raises:
            UserError: one gives something else.
        """
        return [one_each(f"metric {m.name!r}", m.function(*given), count) for m in self.metrics]


class MeansOverImages(Family):
    """Metrics that are the mean of a value that each image has."""

    means_over_images = True

    def evaluate(
        self,
        prepared: Float64[np.ndarray, "metrics images"],
        weights: Weights,
        reference_weights: Weights,
    ) -> MetricsByResample:
        """The weighted means of the images' values."""
        return weighted_means(prepared, weights)

    def influence(self, prepared: Float64[np.ndarray, "metrics images"]) -> Influences:
        """Each value's distance from the mean."""
        with np.errstate(invalid="ignore"):  # infinite values
            return Influences(prepared - prepared.mean(axis=1, keepdims=True))


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as data.

    Attributes:
        name: in tables of numbers, and the key in `METRICS`.
        label: in print.
        family: what computes it.
        function: the part of the computation that is this metric's own; see its family.
        unit: empty where it has none.
        better: which value is; empty where none is.
        shown: where: ``overview``: also in the short table; ``main``: in the main table, and so in
            figures and on the page; ``detail``: only in the tables of its kind.
        biased: whether its bias differs between methods, so that a test would detect the bias.
        guessing: from the number of classes to the value of equal probabilities for all classes,
            where a class, or the order of images, is drawn at random; ``None``: it depends on the
            images, or no value is better.
        coverage: the share of images on which the method does not abstain; 1: it judges all.
        level: the coverage that the prediction sets it measures are to have; 0: it is of no sets.
        undefined_for_one: whether it is NaN where a prediction has a single member.
        undefined: why it may be NaN where it has all that it needs.
        summary: what it is, in a sentence.
        formula: how it is computed: p_m are the probabilities of member m, p̄ their mean, s_c the
            share of votes for class c, v_c the votes, M the members, N the images.
        edge_cases: its range, and its value where the formula alone does not say.
        source: the papers; empty where there is none to name.
    """

    name: str
    label: str
    family: type[Family]
    function: Callable[..., Any]
    unit: str = ""
    better: Literal["higher", "lower", ""] = ""
    shown: Literal["overview", "main", "detail"] = "main"
    biased: bool = False
    guessing: Callable[[int], float] | None = None
    coverage: float = 1.0
    level: float = 0.0
    undefined_for_one: bool = False
    undefined: str = ""
    summary: str = ""
    formula: str = ""
    edge_cases: str = ""
    source: str = ""

    @property
    def needs(self) -> frozenset[MetricNeed]:
        """What it needs beyond a prediction of the images."""
        return self.family.needs

    def value(self, arrays: MetricInputs) -> float:
        """Of the images themselves; NaN where it is undefined."""
        return float(self.family([self]).values(arrays)[0])


def in_families(metrics: Iterable[Metric]) -> list[Family]:
    """The families of some metrics, each with those of them that it computes, in their order."""
    families: dict[type[Family], list[Metric]] = {}
    for metric in metrics:
        families.setdefault(metric.family, []).append(metric)
    return [family(own) for family, own in families.items()]


def one_each(noun: str, values: Any, count: int) -> Any:
    """The values that a noun's function gives, if there are so many.

    Raises:
        UserError: they have another shape than [count].
    """
    if (shape := np.shape(values)) != (count,):
        raise UserError(
            f"the function of the {noun} gives the shape {list(shape)}; expected [{count}]: "
            "correct it and run again"
        )
    return values


def joined(parts: Sequence[Any]) -> Any | None:
    """What `Family.per_image` gives of all images, from what it gives of one block after another.

    >>> joined([(np.array([1, 2]), np.array([[3, 4]])), (np.array([5]), np.array([[6]]))])
    (array([1, 2, 5]), array([[3, 4, 6]]))
    """
    if any(part is None for part in parts):
        return None
    if isinstance(parts[0], tuple):
        return tuple(map(joined, zip(*parts, strict=True)))
    return np.concatenate(parts, axis=-1)


def each_once(images: int) -> Weights:
    """The weights of the images themselves, as a single resample."""
    return np.ones((images, 1), np.uint8)


def rows_of(values: Sequence[Tensor]) -> Float64[np.ndarray, "metrics images"]:
    """The images' values of several metrics, a row a metric."""
    return torch.stack([torch.as_tensor(row).double() for row in values]).numpy()


def weighted_means(
    contributions: Float64[np.ndarray, "rows images"],
    weights: UInt8[np.ndarray, "images resamples"],
) -> Float64[np.ndarray, "rows resamples"]:
    """Each row's mean over the images, by the images' weights.

    >>> weighted_means(np.array([[1.0, 4.0]]), np.array([[1, 2], [1, 0]], dtype=np.uint8))
    array([[2.5, 1. ]])
    """
    # Multiplied by PyTorch: bits depend on the number of threads, and PyTorch's is set to one.
    drawn = torch.from_numpy(weights).double()
    means: Float64[np.ndarray, "rows resamples"] = (
        torch.from_numpy(contributions) @ drawn / drawn.sum(dim=0)
    ).numpy()
    return means
