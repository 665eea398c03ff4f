"""Our metrics and those of other libraries, on the same arrays.

Where a library follows another convention, the test checks the relation that
`benchmarks/metrics/README.md` documents, so that our tables can be compared with a paper's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.metrics.scoring import brier, correct, negative_log_likelihood
from methods import Prediction
from methods.scores.probabilities import (
    confidence,
    mutual_information,
    pairwise_disagreement,
    variation_ratio,
)
from tests.metrics.support import (
    augrc,
    aupr_in,
    aupr_out,
    aurc,
    auroc,
    equal_mass_bins,
    equal_width_bins,
    error_at,
    expected_calibration_error,
    fpr95,
    maximum_calibration_error,
)

IMAGES = 600


def _members() -> Tensor:
    """Five members of ten classes around common probabilities; no confidence is on a bin's edge."""
    random = np.random.default_rng(0)
    common = random.dirichlet(np.full(10, 0.2), IMAGES) + 0.005
    drawn = random.gamma(3 * common, size=(5, IMAGES, 10)) + 1e-9
    return torch.from_numpy(drawn / drawn.sum(axis=-1, keepdims=True))


MEMBERS = _members()
PREDICTION = Prediction.of(MEMBERS)
MEAN = PREDICTION.mean
LABELS = torch.from_numpy(
    np.where(
        np.random.default_rng(1).random(IMAGES) < 0.7,
        MEAN.argmax(dim=1),
        np.random.default_rng(2).integers(10, size=IMAGES),
    )
)
CONFIDENCE, CORRECT = confidence(MEAN), correct(MEAN, LABELS)
WIDE = equal_width_bins(CONFIDENCE, CORRECT)

POSITIVE = torch.from_numpy(np.random.default_rng(3).random(IMAGES) < 0.3)
SCORES = torch.from_numpy(np.random.default_rng(4).normal(1.2 * POSITIVE.numpy()).round(1))
"""With ties, between the classes too."""

BINARY = MEAN[:, :2] / MEAN[:, :2].sum(dim=1, keepdim=True)
TWO = LABELS % 2

ON_EDGES = torch.tensor([0.6, 0.75, 0.8, 1.0], dtype=torch.float64)
"""Confidences, of which 0.75 and 1.0 are edges of four bins."""

EDGES = torch.stack([ON_EDGES, 1 - ON_EDGES, torch.zeros(4)], dim=1)
EDGES_LABELS = torch.tensor([0, 2, 0, 1])

TWICE_ONE_ONCE_OTHER = torch.tensor(
    [[[0.51, 0.49]], [[0.51, 0.49]], [[0.0, 1.0]]], dtype=torch.float64
)
"""Of three members two vote for class 0, but class 1 has the larger mean."""


class Pair(NamedTuple):
    """A metric of ours and one of a library, and how the two are related.

    Attributes:
        name: what is measured; after a colon, by which convention of theirs.
        ours: our value, carried over to their convention.
        theirs: their value, from the library's module.
        tolerance: what rounding may leave; some libraries compute in single precision.
    """

    name: str
    ours: Callable[[], Any]
    theirs: Callable[[ModuleType], Any]
    tolerance: float = 2e-6


def trapezoids_from_first(values: Tensor) -> float:
    """The area from coverage 1/n to 1, divided by its width, as torch-uncertainty takes it."""
    return float(torch.trapezoid(values, dx=1 / len(values)) / (1 - 1 / len(values)))


def risks() -> Tensor:
    order = CONFIDENCE.argsort(descending=True)
    errors = (~CORRECT[order]).double().cumsum(0)
    return errors / torch.arange(1, IMAGES + 1)


def updated(metric: Any, *arguments: Tensor) -> Tensor:
    metric.update(*arguments)
    return metric.compute()


def mean_entropy_of_members() -> float:
    return PREDICTION.expected_entropy.mean().item()


SCIKIT_LEARN = (
    Pair(
        "accuracy",
        lambda: CORRECT.double().mean(),
        lambda m: m.accuracy_score(LABELS, MEAN.argmax(dim=1)),
    ),
    Pair(
        "NLL",
        lambda: negative_log_likelihood(MEAN, LABELS).mean(),
        lambda m: m.log_loss(LABELS, MEAN, labels=range(10)),
    ),
    Pair(
        "NLL: infinite is clipped at the machine's epsilon",
        lambda: -math.log(np.finfo(np.float64).eps),
        lambda m: m.log_loss([1], [[1.0, 0.0]], labels=[0, 1]),
    ),
    Pair(
        "Brier",
        lambda: brier(MEAN, LABELS).mean(),
        lambda m: sum(m.brier_score_loss(c == LABELS, MEAN[:, c]) for c in range(10)),
    ),
    Pair(
        "Brier: half of ours for two classes",
        lambda: brier(BINARY, TWO).mean() / 2,
        lambda m: m.brier_score_loss(TWO, BINARY[:, 1]),
    ),
    Pair("AUROC", lambda: auroc(SCORES, POSITIVE), lambda m: m.roc_auc_score(POSITIVE, SCORES)),
    Pair(
        "AUROC: in-distribution as positive is the same",
        lambda: auroc(SCORES, POSITIVE),
        lambda m: m.roc_auc_score(~POSITIVE, -SCORES),
    ),
    Pair(
        "AUROC: a score of confidence gives 1 − ours",
        lambda: 1 - auroc(SCORES, POSITIVE),
        lambda m: m.roc_auc_score(POSITIVE, -SCORES),
    ),
    Pair(
        "AUPR-Out",
        lambda: aupr_out(SCORES, POSITIVE),
        lambda m: m.average_precision_score(POSITIVE, SCORES),
    ),
    Pair(
        "AUPR-In",
        lambda: aupr_in(SCORES, POSITIVE),
        lambda m: m.average_precision_score(~POSITIVE, -SCORES),
    ),
    Pair(
        "FPR95",
        lambda: fpr95(SCORES, POSITIVE),
        lambda m: fpr_at_95(*m.roc_curve(POSITIVE, SCORES, drop_intermediate=False)),
    ),
    Pair(
        "FPR95: in-distribution as positive (ODIN) is ours with the classes exchanged",
        lambda: fpr95(-SCORES, ~POSITIVE),
        lambda m: fpr_at_95(*m.roc_curve(~POSITIVE, -SCORES, drop_intermediate=False)),
    ),
)

TORCHMETRICS = (
    Pair(
        "ECE",
        lambda: expected_calibration_error(WIDE),
        lambda m: m.multiclass_calibration_error(MEAN, LABELS, num_classes=10, n_bins=15),
    ),
    Pair(
        "ECE: 0.75 with 0.8 in a bin closed below, confidence 1 in a bin of its own",
        lambda: (0.4 + abs(-0.75 + 0.2) + 1) / 4,
        lambda m: m.multiclass_calibration_error(EDGES, EDGES_LABELS, 3, n_bins=4),
    ),
    Pair(
        "MCE: bins of one image count",
        lambda: maximum_calibration_error(WIDE, smallest_bin=1),
        lambda m: m.multiclass_calibration_error(MEAN, LABELS, 10, n_bins=15, norm="max"),
    ),
    Pair(
        "AUROC: scores outside [0, 1] pass through a sigmoid",
        lambda: auroc(SCORES.sigmoid(), POSITIVE),
        lambda m: m.binary_auroc(SCORES, POSITIVE.int()),
    ),
)

NETCAL = (
    Pair(
        "ECE",
        lambda: expected_calibration_error(WIDE),
        lambda m: m.ECE(15).measure(MEAN.numpy(), LABELS.numpy()),
    ),
    Pair(
        "ECE: 0.75 with 0.8 in a bin closed below, confidence 1 in the last",
        lambda: (0.4 + abs(-0.75 + 0.2 - 1)) / 4,
        lambda m: m.ECE(4).measure(EDGES.numpy(), EDGES_LABELS.numpy()),
    ),
    Pair(
        "MCE: bins of one image count",
        lambda: maximum_calibration_error(WIDE, smallest_bin=1),
        lambda m: m.MCE(15).measure(MEAN.numpy(), LABELS.numpy()),
    ),
    Pair(
        "ECE: two classes by the probability of class 1, not of the top label",
        lambda: expected_calibration_error(equal_width_bins(BINARY[:, 1], TWO.bool())),
        lambda m: m.ECE(15).measure(BINARY.numpy(), TWO.numpy()),
    ),
    Pair(
        "MCE: bins of ten images by their option",
        lambda: maximum_calibration_error(WIDE),
        lambda m: m.MCE(15, sample_threshold=9).measure(MEAN.numpy(), LABELS.numpy()),
    ),
)

TORCH_UNCERTAINTY = (
    Pair(
        "entropy: of members, the mean of their entropies (our expected entropy)",
        mean_entropy_of_members,
        lambda m: updated(m.Entropy(), MEMBERS.transpose(0, 1)),
    ),
    Pair(
        "mutual information",
        lambda: mutual_information(MEAN, PREDICTION.expected_entropy, 5).mean(),
        lambda m: updated(m.MutualInformation(), MEMBERS.transpose(0, 1)),
    ),
    Pair(
        "pairwise disagreement",
        lambda: pairwise_disagreement(PREDICTION.vote_share, 5).mean(),
        lambda m: updated(m.Disagreement(), MEMBERS.transpose(0, 1)),
    ),
    Pair(
        "variation ratio: by the probability of the arg-max of the mean (default)",
        lambda: 1 - MEAN.amax(dim=1).mean(),
        lambda m: updated(m.VariationRatio(), MEMBERS),
    ),
    Pair(
        "variation ratio: by votes for the arg-max of the mean",
        lambda: (1 - PREDICTION.vote_share.gather(1, MEAN.argmax(dim=1)[:, None])).mean(),
        lambda m: updated(m.VariationRatio(probabilistic=False), MEMBERS),
    ),
    Pair(
        "variation ratio: 1 − ours where the mode of votes is not the arg-max of the mean",
        lambda: 1 - variation_ratio(Prediction.of(TWICE_ONE_ONCE_OTHER).vote_share, 3).item(),
        lambda m: updated(m.VariationRatio(probabilistic=False), TWICE_ONE_ONCE_OTHER),
    ),
    Pair(
        "Brier: of members, the mean of their scores",
        lambda: torch.stack([brier(member, LABELS) for member in MEMBERS]).mean(),
        lambda m: updated(m.BrierScore(num_classes=10), MEMBERS.transpose(0, 1), LABELS),
    ),
    Pair(
        "ECE",
        lambda: expected_calibration_error(WIDE),
        lambda m: updated(
            m.CalibrationError(task="multiclass", num_bins=15, num_classes=10), MEAN, LABELS
        ),
    ),
    Pair(
        "ECE, equal mass",
        lambda: expected_calibration_error(equal_mass_bins(CONFIDENCE, CORRECT)),
        lambda m: updated(
            m.AdaptiveCalibrationError(task="multiclass", num_bins=15, num_classes=10), MEAN, LABELS
        ),
    ),
    Pair(
        "FPR95: ties are flagged together",
        lambda: fpr95(torch.zeros(10), torch.arange(10) < 3),
        lambda m: updated(m.FPR95(pos_label=1), torch.zeros(10), (torch.arange(10) < 3).int()),
    ),
    Pair(
        "AURC: trapezoids from 1/n to 1, divided by 1 − 1/n",
        lambda: trapezoids_from_first(risks()),
        lambda m: updated(m.AURC(), MEAN, LABELS),
    ),
    Pair(
        "AURC: about ours without ties",
        lambda: aurc(1 - CONFIDENCE, CORRECT),
        lambda m: updated(m.AURC(), MEAN, LABELS),
        tolerance=1 / IMAGES,
    ),
    Pair(
        "AURC: ties in the order of the images, here 0.81 where ours is 0.5",
        lambda: trapezoids_from_first(torch.tensor([1, 1, 2 / 3, 1 / 2])),
        lambda m: updated(m.AURC(), torch.tensor([[0.7, 0.3]] * 4), torch.tensor([1, 1, 0, 0])),
    ),
    Pair(
        "AUGRC: without the first triangle, ½ err₁ / n², divided by 1 − 1/n",
        lambda: (augrc(1 - CONFIDENCE, CORRECT) - risks()[0] / 2 / IMAGES**2) / (1 - 1 / IMAGES),
        lambda m: updated(m.AUGRC(), MEAN, LABELS),
    ),
    *(
        Pair(
            f"Error at {coverage} % coverage",
            partial(error_at, coverage, 1 - CONFIDENCE, CORRECT),
            lambda m, c=coverage / 100: updated(m.RiskAtxCov(c), MEAN, LABELS),
        )
        for coverage in (95, 90, 80)
    ),
    Pair(
        "Error at 80 % coverage: ties in the order of the images, here 0.75 where ours is 0.6",
        lambda: 0.15 + error_at(80, torch.zeros(5), torch.arange(5) > 2),
        lambda m: updated(
            m.RiskAtxCov(0.8), torch.tensor([[0.7, 0.3]] * 5), torch.tensor([1, 1, 1, 0, 0])
        ),
    ),
)


def fpr_at_95(false: Any, true: Any, _thresholds: Any) -> float:
    return float(false[np.flatnonzero(true >= 0.95)[0]])


LIBRARIES = {
    "sklearn.metrics": SCIKIT_LEARN,
    "torchmetrics.functional.classification": TORCHMETRICS,
    "netcal.metrics": NETCAL,
    "torch_uncertainty.metrics": TORCH_UNCERTAINTY,
}


@pytest.mark.parametrize(
    ("module", "pair"),
    [
        pytest.param(module, pair, id=f"{module.partition('.')[0]}: {pair.name}")
        for module, pairs in LIBRARIES.items()
        for pair in pairs
    ],
)
@pytest.mark.filterwarnings("default")
def test_ours_is_theirs_as_the_readme_says(module: str, pair: Pair) -> None:
    library = pytest.importorskip(module, reason=f"{module} is not installed: '.[agreement]'")
    assert float(pair.theirs(library)) == pytest.approx(float(pair.ours()), abs=pair.tolerance)


def test_ours_closes_bins_above_and_keeps_confidence_one_in_the_last() -> None:
    bins = equal_width_bins(confidence(EDGES), correct(EDGES, EDGES_LABELS), bins=4)
    by_hand = (abs(0.4 - 0.75) + abs(0.2 - 1)) / 4
    assert expected_calibration_error(bins) == pytest.approx(by_hand)
