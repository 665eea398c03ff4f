"""The registered metrics as functions of scores or of a mean prediction, and cases for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.metrics import METRICS, Family, MetricInputs, calibration
from benchmarks.metrics.calibration import BinnedImages, FilledBins
from benchmarks.metrics.metric import each_once
from methods import Prediction


def certain(images: int) -> Prediction:
    """Of class 0 of two."""
    return Prediction.of(torch.tensor([1.0, 0.0]).expand(1, images, 2))


def _detected(name: str, scores: Tensor, positive: Tensor) -> float:
    kinds = scores[positive], scores[~positive]
    ood, clean = (certain(len(kind)) for kind in kinds)
    arrays = MetricInputs(ood, reference=clean, score=kinds[0], reference_score=kinds[1])
    return METRICS[name].value(arrays)


def _selected(name: str, uncertainty: Tensor, correct: Tensor) -> float:
    labels = (~correct).long()
    return METRICS[name].value(MetricInputs(certain(len(labels)), labels, score=uncertainty))


Ranked = Callable[[Tensor, Tensor], float]

auroc: Ranked = partial(_detected, "auroc")
aupr_out: Ranked = partial(_detected, "aupr_out")
aupr_in: Ranked = partial(_detected, "aupr_in")
fpr95: Ranked = partial(_detected, "fpr95")

aurc: Ranked = partial(_selected, "aurc")
augrc: Ranked = partial(_selected, "augrc")


def error_at(coverage: int, uncertainty: Tensor, correct: Tensor) -> float:
    return _selected(f"error_at_coverage_{coverage}", uncertainty, correct)


class Diagram(NamedTuple):
    """Images in bins, and the bins' edges and contents with each image once."""

    lower: Tensor
    upper: Tensor
    count: Tensor
    confidence: Tensor
    accuracy: Tensor
    contents: FilledBins


def equal_width_bins(confidence: Tensor, correct: Tensor, bins: int = 15) -> Diagram:
    return _diagram(calibration.equal_width_bins(confidence, correct, bins))


def equal_mass_bins(confidence: Tensor, correct: Tensor, bins: int = 15) -> Diagram:
    return _diagram(calibration.equal_mass_bins(confidence, correct, bins))


def _diagram(bins: BinnedImages) -> Diagram:
    edges, contents = torch.from_numpy(bins.edges), bins.fill(each_once(len(bins.confidence)))
    count, confidence, accuracy = (torch.from_numpy(row[:, 0]) for row in contents)
    return Diagram(edges[:-1], edges[1:], count.long(), confidence, accuracy, contents)


def _error_of(error: Callable[..., np.ndarray], bins: Diagram, **options: int) -> float:
    return float(error(bins.contents, **options)[0])


expected_calibration_error = partial(_error_of, calibration.expected_calibration_error)
maximum_calibration_error = partial(_error_of, calibration.maximum_calibration_error)
debiased_calibration_error = partial(_error_of, calibration.debiased_calibration_error)
debiased_squared_calibration_error = partial(
    _error_of, calibration.debiased_squared_calibration_error
)


Floats = NDArray[np.float64]

CASES = range(40)


def scores_of(case: int, images: int) -> Floats:
    """Anything from no ties to nothing but ties, with infinite values among them."""
    random = np.random.default_rng(case)
    scores = random.normal(size=images)
    if case % 4:
        scores = np.round(scores * (8, 2, 0.3)[case % 4 - 1])
    if case % 5 == 0:
        scores[random.integers(images)] = random.choice([-np.inf, np.inf])
    return scores


def size_of(case: int) -> int:
    return int(np.random.default_rng(case).integers(1, 30))


def family_of(family: type[Family]) -> Family:
    """The family with all the metrics that are registered."""
    return family(metric for metric in METRICS.values() if metric.family is family)


def prediction_of(confidence: Floats) -> Prediction:
    """Of class 0 of ten, with these confidences of at least a tenth."""
    rest = np.repeat((1 - confidence[:, None]) / 9, 9, axis=1)
    return Prediction.of(torch.from_numpy(np.column_stack([confidence, rest]))[None])


def labels_of(correct: NDArray[np.bool_]) -> torch.Tensor:
    """Of a prediction of class 0."""
    return (~torch.from_numpy(correct)).long()


def members_of(case: int, images: int) -> torch.Tensor:
    random = np.random.default_rng(case)
    return torch.from_numpy(random.dirichlet(np.full(4, 0.4), (1 + case % 4, images)))
