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


def _auroc(method: str, images: str, percent: float) -> PublishedNumber:
    return _number(
        place=f"table 3, {images}",
        what=f"{METHODS[method]}; by the maximum probability",
        method=method,
        members=_members(method),
        metric="auroc",
        score="one_minus_max_probability",
        value=percent / 100,
        tolerance=AUROC,
        conditions=(CONDITIONS[images],),
    )


def _confidence(method: str, images: str, percent: float) -> PublishedNumber:
    return _number(
        place=f"table 3, {images}",
        what=f"{METHODS[method]}; mean confidence",
        method=method,
        members=_members(method),
        metric="mean_confidence",
        value=percent / 100,
        tolerance=CONFIDENCE,
        conditions=(CONDITIONS[images],),
    )


def _mean_confidence(method: str, percent: float) -> PublishedNumber:
    """Their code takes the split ``digits`` of EMNIST; the suite has its letters only."""
    return _number(
        place="table 1, MNIST, OOD confidence",
        what=f"{METHODS[method]}; mean over EMNIST digits, Fashion-MNIST and KMNIST",
        method=method,
        members=_members(method),
        metric="mean_confidence",
        value=percent / 100,
        tolerance=CONFIDENCE,
        conditions=tuple(CONDITIONS.values()),
        lacking=("EMNIST digits",),
    )


def _members(method: str) -> int:
    return 5 if method == "deep_ensemble" else 1


CONDITIONS = {"Fashion-MNIST": "ood-fashion_mnist", "KMNIST": "ood-kmnist"}

_AUROC = {"Fashion-MNIST": (98.9, 99.2, 98.5, 98.3), "KMNIST": (97.0, 98.3, 96.6, 96.6)}
_CONFIDENCE = {"Fashion-MNIST": (64.2, 55.4, 58.8, 49.6), "KMNIST": (77.3, 65.9, 69.0, 56.7)}
_MEAN_CONFIDENCE = (75.0, 65.7, 67.5, 56.1)

LAPLACE_REDUX: tuple[PublishedNumber, ...] = (
    *(
        number(method, images, percent)
        for number, table in ((_auroc, _AUROC), (_confidence, _CONFIDENCE))
        for images, values in table.items()
        for method, percent in zip(METHODS, values, strict=True)
    ),
    *starmap(_mean_confidence, zip(METHODS, _MEAN_CONFIDENCE, strict=True)),
)
