"""Numbers of Laplace Redux: detection of out-of-distribution images by LeNet on MNIST."""

from __future__ import annotations

from functools import partial
from itertools import starmap

from benchmarks.report.published.number import AUROC, CONFIDENCE, PublishedNumber

METHODS = {
    "softmax": "MAP: one network",
    "deep_ensemble": "DE: ensemble of five networks",
    "laplace_last_layer_kron": "LA: last-layer Laplace, Kronecker factors of the GGN",
    "laplace_last_layer_fisher": "LA*: last-layer Laplace, full empirical Fisher",
}

_number = partial(
    PublishedNumber, paper="Daxberger et al. 2021", task="mnist", recipe="laplace-redux", epochs=100
)


def _auroc(method: str, percent: float) -> PublishedNumber:
    return _number(
        place="table 3, Fashion-MNIST",
        what=f"{METHODS[method]}; by the maximum probability",
        method=method,
        members=5 if method == "deep_ensemble" else 1,
        metric="auroc",
        score="one_minus_max_probability",
        value=percent / 100,
        tolerance=AUROC,
        conditions=("ood-fashion_mnist",),
    )


def _confidence(method: str, percent: float) -> PublishedNumber:
    """Their code takes the split ``digits`` of EMNIST; the suite has its letters only."""
    return _number(
        place="table 1, MNIST, OOD confidence",
        what=f"{METHODS[method]}; mean over EMNIST digits, Fashion-MNIST and KMNIST",
        method=method,
        members=5 if method == "deep_ensemble" else 1,
        metric="mean_confidence",
        value=percent / 100,
        tolerance=CONFIDENCE,
        conditions=("ood-fashion_mnist", "ood-kmnist"),
        lacking=("EMNIST digits",),
    )


_AUROC = (98.9, 99.2, 98.5, 98.3)
_CONFIDENCE = (75.0, 65.7, 67.5, 56.1)

LAPLACE_REDUX: tuple[PublishedNumber, ...] = (
    *starmap(_auroc, zip(METHODS, _AUROC, strict=True)),
    *starmap(_confidence, zip(METHODS, _CONFIDENCE, strict=True)),
)
