"""What methods, conditions and measures are called in print, and the order they are shown in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks.vocabulary import CLEAN, SUBSET

WHY_SHADED = "labels ill-defined:\n6 and 9 swap"
"""Why the range beyond is shaded."""

METHODS = {
    "softmax": "Softmax",
    "mc_dropout": "MC-dropout",
    "mc_dropout_exact": "MC-dropout",
    "deep_ensemble": "Deep ensemble",
}
"""The suite's methods; one of a user's keeps the name that its class has."""

OOD = {
    "ood-fashion_mnist": "Fashion-MNIST",
    "ood-notmnist": "notMNIST",
    "ood-kmnist": "KMNIST",
    "ood-emnist_letters": "EMNIST letters",
    "ood-uniform_noise": "Uniform noise",
    "ood-gaussian_noise": "Gaussian noise",
}

SCORES = {
    "one_minus_max_probability": "1 − max. probability",
    "predictive_entropy": "Predictive entropy",
    "mutual_information": "Mutual information",
    "pairwise_disagreement": "Disagreement",
    "variation_ratio": "Variation ratio",
}


class Metric(NamedTuple):
    """A measure in print: its name, its unit if it has one, and whether more or less is better."""

    name: str
    unit: str = ""
    better: str = ""

    @property
    def title(self) -> str:
        """The name, and the arrow if it has one."""
        return f"{self.name} {self.better}".rstrip()

    @property
    def heading(self) -> str:
        """For a column: name, and unit and arrow in a line of their own.

        >>> METRICS["nll"].heading, METRICS["mutual_information"].heading
        ('NLL\\n(nats) ↓', 'Mutual\\ninformation\\n(nats)')
        """
        below = " ".join(filter(None, [self.unit and f"({self.unit})", self.better]))
        split = self.name.replace(", ", ",\n") if "," in self.name else self.name.replace(" ", "\n")
        return f"{split}\n{below}" if below else split

    @property
    def axis_label(self) -> str:
        """For an axis: name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def axis_title(self) -> str:
        """For an axis that has no title above it: name, unit and arrow."""
        return f"{self.axis_label} {self.better}".rstrip()


METRICS = {
    "accuracy": Metric("Accuracy", better="↑"),
    "nll": Metric("NLL", "nats", "↓"),
    "brier": Metric("Brier", better="↓"),
    "ece": Metric("ECE", better="↓"),
    "ece_equal_mass": Metric("ECE, equal mass", better="↓"),
    "ece_debiased": Metric("ECE, debiased", better="↓"),
    "squared_ce_debiased": Metric("Squared CE, debiased", better="↓"),
    "mce": Metric("MCE", better="↓"),
    "predictive_entropy": Metric("Predictive entropy", "nats"),
    "expected_entropy": Metric("Expected entropy", "nats"),
    "mutual_information": Metric("Mutual information", "nats"),
    "pairwise_disagreement": Metric("Disagreement"),
    "auroc": Metric("AUROC", better="↑"),
    "aupr_out": Metric("AUPR-out", better="↑"),
    "aupr_in": Metric("AUPR-in", better="↑"),
    "fpr95": Metric("FPR95", better="↓"),
    "misclassification_auroc": Metric("Misclassification AUROC", better="↑"),
    "aurc": Metric("AURC", better="↓"),
    "augrc": Metric("AUGRC", better="↓"),
}


class Variant(NamedTuple):
    """A method of a size: what a line of a table and a line of a figure stand for."""

    method: str
    members: str

    @property
    def label(self) -> str:
        """The method with its number of passes T or members M, where it has more than one.

        >>> Variant("mc_dropout", "100").label, Variant("softmax", "1").label
        ('MC-dropout, T = 100', 'Softmax')
        """
        name = METHODS.get(self.method, self.method)
        if self.members in ("", "1"):
            return name
        if self.members == "exact":
            return f"{name}, exact"
        return f"{name}, {self.size}"

    @property
    def size(self) -> str:
        """The number of passes T or members M.

        >>> Variant("mc_dropout", "1").size
        'T = 1'
        """
        return f"{'T' if self.method == 'mc_dropout' else 'M'} = {self.members}"

    @property
    def rank(self) -> tuple[int, str, float]:
        """The position among others: the suite's methods first, then by size."""
        position = list(METHODS).index(self.method) if self.method in METHODS else len(METHODS)
        size = float(self.members) if self.members.isdigit() else float("inf")
        return position, self.method, size


def angle_of(condition: str) -> int | None:
    """Degrees by which a condition rotates the images; ``None`` for images of another kind.

    >>> angle_of("clean"), angle_of("rotated-045"), angle_of("ood-kmnist")
    (0, 45, None)
    """
    if condition == CLEAN:
        return 0
    match = re.fullmatch(r"rotated-(\d+)", condition)
    return int(match[1]) if match else None


def condition_rank(condition: str) -> tuple[int, int, str]:
    """The position among other conditions: by angle, then in the order of `OOD`."""
    large = condition.removeprefix(SUBSET)
    angle = angle_of(large)
    if angle is not None:
        return 0, angle, ""
    return (1, list(OOD).index(large), "") if large in OOD else (2, 0, large)


def rotated(angle: int) -> str:
    """The condition that rotates the images by this angle; clean for 0."""
    return f"rotated-{angle:03d}" if angle else CLEAN


def condition_label(condition: str) -> str:
    """What a condition is called in print.

    >>> condition_label("rotated-045"), condition_label("ood-kmnist"), condition_label("ood-mine")
    ('45°', 'KMNIST', 'mine')
    >>> condition_label("subset-rotated-045")
    '45°, subset'
    """
    if condition.startswith(SUBSET):
        return f"{condition_label(condition.removeprefix(SUBSET))}, subset"
    angle = angle_of(condition)
    if condition == CLEAN:
        return "Clean"
    if angle is not None:
        return f"{angle}°"
    return OOD.get(condition, condition.removeprefix("ood-"))


def left_out_remark(labels: Sequence[str]) -> str:
    """The sentence about conditions without data; empty if there are none.

    >>> left_out_remark(["KMNIST", "EMNIST letters"])
    'Left out, because their data are not available: KMNIST, EMNIST letters.'
    """
    return f"Left out, because their data are not available: {', '.join(labels)}." if labels else ""


def score_label(score: str) -> str:
    """What an uncertainty score is called in print; a method's own keeps its name."""
    return SCORES.get(score, score)


def angles_label(angles: tuple[int, ...]) -> str:
    """What the mean over some angles is called: a range if these are evenly spaced.

    >>> angles_label((15, 30, 45)), angles_label((15, 90)), angles_label((30,))
    ('Mean 15°–45°', 'Mean of 15°, 90°', '30°')
    """
    if len(angles) == 1:
        return f"{angles[0]}°"
    steps = {b - a for a, b in pairwise(angles)}
    if len(angles) > 2 and len(steps) == 1:
        return f"Mean {angles[0]}°–{angles[-1]}°"
    return "Mean of " + ", ".join(f"{angle}°" for angle in angles)
