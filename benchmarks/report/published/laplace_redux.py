"""Numbers of Laplace Redux: detection of out-of-distribution images by LeNet on MNIST."""

from __future__ import annotations

from itertools import starmap
from typing import Any

from benchmarks.report.published.number import AUROC, CONFIDENCE, PublishedNumber

METHODS = {
    "softmax": "MAP: one network",
    "deep_ensemble": "DE: ensemble of five networks",
    "laplace_last_layer_kron": "LA: last-layer Laplace, Kronecker factors of the GGN",
    "laplace_last_layer_fisher": "LA*: last-layer Laplace, full empirical Fisher",
}

CONDITIONS = {"Fashion-MNIST": "ood-fashion_mnist", "KMNIST": "ood-kmnist"}


def _number(method: str, percent: float, **fields: Any) -> PublishedNumber:
    return PublishedNumber(
        paper="Daxberger et al. 2021",
        task="mnist",
        recipe="laplace-redux",
        epochs=100,
        method=method,
        members=5 if method == "deep_ensemble" else 1,
        value=percent / 100,
        **fields,
    )


def _auroc(method: str, images: str, percent: float) -> PublishedNumber:
    return _number(
        method,
        percent,
        place=f"table 3, {images}",
        what=f"{METHODS[method]}; by the maximum probability",
        metric="auroc",
        score="one_minus_max_probability",
        tolerance=AUROC,
        conditions=(CONDITIONS[images],),
    )


def _confidence(method: str, percent: float, **fields: Any) -> PublishedNumber:
    return _number(method, percent, metric="mean_confidence", tolerance=CONFIDENCE, **fields)


def _confidence_of_set(method: str, images: str, percent: float) -> PublishedNumber:
    return _confidence(
        method,
        percent,
        place=f"table 3, {images}",
        what=f"{METHODS[method]}; mean confidence",
        conditions=(CONDITIONS[images],),
    )


def _confidence_of_all(method: str, percent: float) -> PublishedNumber:
    """Their code takes the split ``digits`` of EMNIST; the suite has its letters only."""
    return _confidence(
        method,
        percent,
        place="table 1, MNIST, OOD confidence",
        what=f"{METHODS[method]}; mean over EMNIST digits, Fashion-MNIST and KMNIST",
        conditions=tuple(CONDITIONS.values()),
        lacking=("EMNIST digits",),
    )


_AUROC = {"Fashion-MNIST": (98.9, 99.2, 98.5, 98.3), "KMNIST": (97.0, 98.3, 96.6, 96.6)}
_CONFIDENCE = {"Fashion-MNIST": (64.2, 55.4, 58.8, 49.6), "KMNIST": (77.3, 65.9, 69.0, 56.7)}
_MEAN_CONFIDENCE = (75.0, 65.7, 67.5, 56.1)

LAPLACE_REDUX: tuple[PublishedNumber, ...] = (
    *(
        number(method, images, percent)
        for number, table in ((_auroc, _AUROC), (_confidence_of_set, _CONFIDENCE))
        for images, values in table.items()
        for method, percent in zip(METHODS, values, strict=True)
    ),
    *starmap(_confidence_of_all, zip(METHODS, _MEAN_CONFIDENCE, strict=True)),
)
