"""The main measures a second time, with NumPy, SciPy and scikit-learn: none of our own code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr
from sklearn.metrics import accuracy_score, roc_auc_score

BINS = 15

Array = NDArray[np.float64]


def recomputed_against_labels(mean: Array, labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, NLL (nats), Brier (in [0, 2]) and ECE of mean [images, classes], by metric.

    >>> recomputed_against_labels(np.array([[0.75, 0.25], [0.75, 0.25]]), np.array([0, 1]))["ece"]
    0.25
    """
    confidence, right = mean.max(axis=1), mean.argmax(axis=1) == labels
    with np.errstate(divide="ignore"):
        likelihood = np.log(mean[np.arange(len(labels)), labels])
    # Σ_c (p_c − y_c)² with the square multiplied out.
    brier = (mean**2).sum(axis=1) - 2 * mean[np.arange(len(labels)), labels] + 1
    bins = np.digitize(confidence, np.arange(1, BINS) / BINS, right=True)
    gaps = [abs((right[bins == b] - confidence[bins == b]).sum()) for b in range(BINS)]
    return {
        "accuracy": float(accuracy_score(labels, mean.argmax(axis=1))),
        "nll": float(-likelihood.mean()),
        "brier": float(brier.mean()),
        "ece": float(sum(gaps) / len(labels)),
    }


def recomputed_auroc(clean: Array, ood: Array) -> float:
    """AUROC of telling out-of-distribution images from clean ones by predictive entropy.

    Both are means [images, classes].
    """
    scores = entr(np.concatenate([clean, ood])).sum(axis=1)
    return float(roc_auc_score(np.arange(len(scores)) >= len(clean), scores))
