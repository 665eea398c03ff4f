"""The experiments: what is varied about the training images, and what a faithful measure does.

Each was fixed before any run. A method takes as many steps at all levels, so that fewer images do
not mean less training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from benchmarks.epistemic.measures import UncertaintyPart
from benchmarks.tasks.task import stratified_choice
from methods.determinism import derive_seed
from methods.networks.recipes import LabelledImages
from methods.shapes import Labels

Change = Literal["falls", "rises", "stays"]

SAME_WITHIN = (0.8, 1.25)
"""Ratios of a mean at the last level to the first that count as none: the bounds by which
medicines are judged to be equivalent."""


@dataclass(frozen=True)
class LabelNoise:
    """Labels of which a share is changed.

    Attributes:
        share: of labels that are drawn anew, or changed to the next class.
        pair: whether they are changed to the next class; else drawn from all, the own one too.
    """

    share: float
    pair: bool = False

    def applied(self, labels: Labels, classes: int, seed: int) -> Labels:
        """The labels with noise, [images]; each image is hit by chance."""
        random = np.random.default_rng(derive_seed("label noise", seed))
        hit = torch.from_numpy(random.random(len(labels)) < self.share)
        drawn = torch.from_numpy(random.integers(classes, size=len(labels)))
        return torch.where(hit, (labels + 1) % classes if self.pair else drawn, labels)

    def conditional_entropy(self, classes: int) -> float:
        """H(label | image) in nats, for images whose class is certain.

        >>> round(LabelNoise(0.2, pair=True).conditional_entropy(10), 4)
        0.5004
        """
        own = 1 - self.share if self.pair else 1 - self.share * (classes - 1) / classes
        others = [self.share] if self.pair else [self.share / classes] * (classes - 1)
        return 0.0 - sum(p * math.log(p) for p in (own, *others) if p > 0)


@dataclass(frozen=True)
class Level:
    """The training images of an experiment at one of its levels.

    Attributes:
        name: of files.
        label: in print.
        share: of the training images; of each class as many.
        noise: of the labels, of training and test images.
    """

    name: str
    label: str
    share: float = 1.0
    noise: LabelNoise = LabelNoise(0.0)

    def training(self, whole: LabelledImages, classes: int, seed: int) -> LabelledImages:
        """The images that networks train on, another choice for each seed.

        Choices of a seed are nested, and stratified by class.
        """
        chosen = whole
        if self.share < 1:
            at = stratified_choice(whole.labels, round(self.share * len(whole.labels)), seed)
            chosen = LabelledImages(whole.images[at], whole.labels[at])
        if self.noise.share:
            labels = self.noise.applied(chosen.labels, classes, seed)
            chosen = LabelledImages(chosen.images, labels)
        return chosen

    def test_labels(self, labels: Labels, classes: int) -> Labels:
        """The labels of test images: with the same noise, the same for all replicates."""
        return self.noise.applied(labels, classes, 1_000_003) if self.noise.share else labels


WHOLE = Level("all", "all, as they are")
"""The training images as they are."""

NOISES = (
    Level("noise-0.1", "10 %", noise=LabelNoise(0.1)),
    Level("noise-0.2", "20 %", noise=LabelNoise(0.2)),
    Level("noise-0.4", "40 %", noise=LabelNoise(0.4)),
)
PAIRS = Level("pair-0.2", "20 %, to the next class", noise=LabelNoise(0.2, pair=True))


def sizes(shares: tuple[float, ...]) -> tuple[Level, ...]:
    """A level for each share of the training images, the least first."""
    return (
        *(Level(f"share-{s:g}", f"{100 * s:g} %", share=s) for s in sorted(shares) if s < 1),
        WHOLE,
    )


@dataclass(frozen=True, eq=False)
class Experiment:
    """Levels of training images, from the first to the last.

    Attributes:
        name: in tables.
        varies: what differs between the levels, in print.
        expected: by part, what a measure of it does from the first level to the last, if it is
            what it is called.
        source: who asks this.
    """

    name: str
    varies: str
    expected: Mapping[UncertaintyPart, Change]
    source: str


DATA_SIZE = Experiment(
    "data-size",
    "the share of training images",
    expected={"epistemic": "falls", "aleatoric": "stays"},
    source="Kendall & Gal 2017; Jürgens et al. 2024",
)
LABEL_NOISE = Experiment(
    "label-noise",
    "the share of labels that are drawn anew",
    expected={"epistemic": "stays", "aleatoric": "rises"},
    source="de Jong et al. 2024",
)
EXPERIMENTS = (DATA_SIZE, LABEL_NOISE)


DRAWS, SEEDS = 4, 4
"""Of the analysis of variance: draws of training images, and networks of each."""

Draw = Literal["bootstrap", "tenths"]


def drawn(whole: LabelledImages, kind: Draw, draw: int, seed: int) -> LabelledImages:
    """A draw of the training images: with replacement, or one of ten disjoint parts."""
    random = np.random.default_rng(derive_seed(f"draws by {kind}", seed, draw))
    count = len(whole.labels)
    if kind == "bootstrap":
        at = random.integers(count, size=count)
    else:
        order = np.random.default_rng(derive_seed("draws by tenths", seed)).permutation(count)
        at = np.sort(order[draw::10])
    return LabelledImages(whole.images[at], whole.labels[at])
