"""Conformal prediction sets: split conformal, on the calibration images.

A set holds the classes whose score is at most a threshold, the ⌈(n + 1) · level⌉-th smallest score
of the labels of n calibration images (Vovk, Gammerman & Shafer 2005; Papadopoulos et al. 2002). If
an image is exchangeable with these, its set holds its label with a probability of at least the
level, whatever the model: on average over the draw of calibration images, too. Shifted images are
not exchangeable with them, so there coverage is a measurement, not a promise.

Sets are formed of the mean probabilities of a prediction, in the same way for every method. No
coverage is better than another: it should be the level. Smaller sets are better only where they
cover, so that no size is better, either. Intervals are over the measured images; they leave out the
draw of the calibration images.

Two of the scores are randomised, as their authors have it: without a uniform number an image a set
would always hold the most probable class, and so cover more than it promises wherever a classifier
is more accurate than that. The numbers are functions of a seed and of the image's position, so they
are the same for all methods and all runs. Ties between classes go to the lowest class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from benchmarks.metrics.metric import MeansOverImages, Metric, MetricInputs, rows_of
from benchmarks.metrics.scoring import require_labels

PENALTY, UNPENALISED = 0.01, 1
"""RAPS' λ and k_reg: what each class of the set costs beyond the first.

The authors set k_reg to the rank that the label of most held-out images has at most: 1 for each
classifier that is right more often than the sets are to cover. λ is one of those they search. Both
are fixed, so that no image is needed to choose them.
"""

SEEDS = {"calibration": 1, "measured": 2}
"""Of the uniform numbers: an image that is measured has none of a calibration image."""

SetScore = Callable[
    [Float[Tensor, "images classes"], Float64[Tensor, " images"]],
    Float64[Tensor, "images classes"],
]
"""From probabilities, and a uniform number an image, to a score a class; higher fits less."""


def lac(
    mean: Float[Tensor, "images classes"], uniform: Float64[Tensor, " images"]
) -> Float64[Tensor, "images classes"]:
    """1 − p̄_c (Sadinle, Lei & Wasserman 2019, section 2): the smallest sets on average.

    >>> lac(torch.tensor([[0.75, 0.25]]), torch.zeros(1))
    tensor([[0.2500, 0.7500]], dtype=torch.float64)
    """
    return 1 - mean.double()


def aps(
    mean: Float[Tensor, "images classes"], uniform: Float64[Tensor, " images"]
) -> Float64[Tensor, "images classes"]:
    """Probability of the classes before and of a part of c (Romano, Sesia & Candès 2020, eq. 7).

    Σ_{k up to c} p̄_k − u p̄_c over classes by falling probability, with u uniform in [0, 1).

    >>> aps(torch.tensor([[0.25, 0.75]]), torch.tensor([0.5]))
    tensor([[0.8750, 0.3750]], dtype=torch.float64)
    """
    return raps(mean, uniform, penalty=0.0)


def raps(
    mean: Float[Tensor, "images classes"],
    uniform: Float64[Tensor, " images"],
    *,
    penalty: float = PENALTY,
    unpenalised: int = UNPENALISED,
) -> Float64[Tensor, "images classes"]:
    """APS and a penalty that grows with the rank (Angelopoulos et al. 2021, equation 5).

    APS' score + λ max(0, rank_c − k_reg), ranks from 1.

    >>> raps(torch.tensor([[0.25, 0.75]]), torch.tensor([0.5]), penalty=1.0)
    tensor([[1.8750, 0.3750]], dtype=torch.float64)
    """
    ordered, classes = mean.double().sort(dim=1, descending=True, stable=True)
    ranks = torch.arange(1, mean.shape[1] + 1, dtype=torch.float64)
    scores = ordered.cumsum(dim=1) - uniform[:, None] * ordered
    scores += penalty * (ranks - unpenalised).clamp(min=0)
    return torch.empty_like(scores).scatter_(1, classes, scores)


def uniform_numbers(seed: int, first: int, count: int) -> Float64[Tensor, " images"]:
    """Numbers in [0, 1), each a function of the seed and of its position alone.

    >>> torch.equal(uniform_numbers(1, 0, 8)[3:], uniform_numbers(1, 3, 5))
    True
    """
    by_four, left = divmod(first, 4)  # numbers that the generator gives in one step
    generator = np.random.Generator(np.random.Philox(key=seed).advance(by_four))
    return torch.from_numpy(generator.random(left + count)[left:])


LEVELS = (95, 99)
"""Nominal coverages in percent."""


class Kind(NamedTuple):
    """A set score as data."""

    name: str
    label: str
    score: SetScore
    formula: str
    source: str


KINDS = (
    Kind("lac", "LAC", lac, "s_c = 1 − p̄_c", "Sadinle, Lei & Wasserman 2019"),
    Kind(
        "aps",
        "APS",
        aps,
        "s_c = Σ_{k up to c} p̄_k − u p̄_c over classes by falling probability, u uniform in [0, 1)",
        "Romano, Sesia & Candès 2020",
    ),
    Kind(
        "raps",
        "RAPS",
        raps,
        f"s_c = APS' score + {PENALTY} max(0, rank_c − {UNPENALISED})",
        "Angelopoulos et al. 2021",
    ),
)

Thresholds = Mapping[tuple[str, int], float]
"""By the name of a set score, and a level."""


def threshold(scores: Float[Tensor, " images"], level: int) -> float:
    """The ⌈(n + 1) · level / 100⌉-th smallest score; infinite where n is too small for it.

    >>> import torch
    >>> threshold(torch.arange(1.0, 20), 95), threshold(torch.arange(1.0, 19), 95)
    (19.0, inf)
    """
    rank = -(-(len(scores) + 1) * level // 100)
    return math.inf if rank > len(scores) else float(scores.sort().values[rank - 1])


def thresholds(
    mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> Thresholds:
    """Of each set score at each level, from calibration images.

    Raises:
        ValueError: a row is no distribution, or a label is no class.
    """
    require_labels(mean, labels)
    uniform = uniform_numbers(SEEDS["calibration"], 0, len(mean))
    by_kind: dict[tuple[str, int], float] = {}
    for kind in KINDS:
        label_scores = kind.score(mean, uniform).gather(1, labels[:, None])[:, 0]
        by_kind |= {(kind.name, level): threshold(label_scores, level) for level in LEVELS}
    return by_kind


@dataclass(frozen=True, eq=False)
class PredictionSets:
    """The sets of some images by every set score at every level, and the images' labels."""

    mean: Float[Tensor, "images classes"]
    labels: Int64[Tensor, " images"]
    thresholds: Thresholds
    first: int = 0
    _scores: dict[str, Tensor] = field(default_factory=dict)

    def sets(self, kind: Kind, level: int) -> Bool[Tensor, "images classes"]:
        """Which classes each set holds."""
        if kind.name not in self._scores:
            uniform = uniform_numbers(SEEDS["measured"], self.first, len(self.mean))
            self._scores[kind.name] = kind.score(self.mean, uniform)
        return self._scores[kind.name] <= self.thresholds[kind.name, level]

    def cover(self, kind: Kind, level: int) -> Bool[Tensor, " images"]:
        """Whether each set holds the label."""
        return self.sets(kind, level).gather(1, self.labels[:, None])[:, 0]

    def sizes(self, kind: Kind, level: int) -> Int64[Tensor, " images"]:
        """How many classes each set holds."""
        return self.sets(kind, level).sum(dim=1)

    def are_empty(self, kind: Kind, level: int) -> Bool[Tensor, " images"]:
        """Whether each set holds no class."""
        return ~self.sets(kind, level).any(dim=1)


class ConformalSets(MeansOverImages):
    """A metric's `function`: from `PredictionSets` to [images]."""

    needs = frozenset({"labels", "calibration"})
    fit_calibration = staticmethod(thresholds)

    def per_image(self, arrays: MetricInputs) -> Float64[np.ndarray, "metrics images"] | None:
        """Each image's value of each metric."""
        mean, labels = arrays.prediction.mean, arrays.labels
        if labels is None or arrays.fitted is None:
            return None
        require_labels(mean, labels)
        sets = PredictionSets(mean, labels, arrays.fitted, arrays.first)
        return rows_of(self.each(len(mean), sets))

    def remark(self, metric: Metric, fitted: Thresholds) -> str:
        """Whether there are too few calibration images for the level."""
        level = round(100 * metric.level)
        infinite = any(math.isinf(fitted[kind.name, level]) for kind in KINDS)
        return (
            f"too few calibration images for {level} %: sets hold every class" if infinite else ""
        )


def _metrics(kind: Kind, level: int) -> Iterator[Metric]:
    """How often sets of a kind at a level hold the label, how large they are, how many empty."""
    common: dict[str, Any] = {
        **{"family": ConformalSets, "shown": "detail"},
        **{"level": level / 100, "source": kind.source},
    }
    rule = (
        f" of the set {{c: s_c ≤ q}}, {kind.formula}; q is the ⌈{level / 100:g} (n + 1)⌉-th "
        "smallest s_y of n calibration images"
    )
    yield Metric(
        **common,
        name=f"{kind.name}_coverage_{level}",
        label=f"{kind.label} coverage, {level} %",
        function=partial(PredictionSets.cover, kind=kind, level=level),
        summary=f"The share of images whose {kind.label} prediction set holds the label; "
        f"{level} % are promised for images like the calibration images.",
        formula=f"Mean over images of whether the label is one{rule}",
        edge_cases="In [0, 1]. Undefined where there are no calibration images.",
    )
    yield Metric(
        **common,
        name=f"{kind.name}_size_{level}",
        label=f"{kind.label} set size, {level} %",
        unit="classes",
        function=partial(PredictionSets.sizes, kind=kind, level=level),
        summary=f"The mean number of classes in the {kind.label} prediction sets for "
        f"{level} % coverage.",
        formula=f"Mean over images of the number of classes{rule}",
        edge_cases="In [0, classes]. Smaller is better only where the sets cover.",
    )
    yield Metric(
        **common,
        name=f"{kind.name}_empty_{level}",
        label=f"{kind.label} empty sets, {level} %",
        function=partial(PredictionSets.are_empty, kind=kind, level=level),
        summary=f"The share of images whose {kind.label} prediction set for {level} % coverage "
        "holds no class: none fits as well as labels usually do.",
        formula=f"Mean over images of whether there is no class{rule}",
        edge_cases="In [0, 1]. Not 0 where a classifier is more accurate than sets must be.",
    )


METRICS = tuple(metric for level in LEVELS for kind in KINDS for metric in _metrics(kind, level))
