"""Numbers of uncertainty-baselines: LeNet-5 on MNIST and Fashion-MNIST."""

from __future__ import annotations

from functools import partial

from benchmarks.report.published.number import (
    ACCURACY,
    CALIBRATION_ERROR,
    NLL,
    PublishedNumber,
)

ONE, TEN = "one network", "ensemble of ten networks"

_number = partial(
    PublishedNumber, paper="Nado et al. 2021", recipe="uncertainty-baselines", epochs=23
)
_on_mnist = partial(_number, task="mnist", place="code, baselines/mnist/README.md, MNIST")
_on_fashion_mnist = partial(
    _number, task="fashion_mnist", place="code, baselines/mnist/README.md, Fashion MNIST"
)
_nll = {"metric": "nll", "tolerance": NLL}
_accuracy = {"metric": "accuracy", "tolerance": ACCURACY}
_ece = {"metric": "ece", "tolerance": CALIBRATION_ERROR}
_one = {"what": ONE, "method": "softmax"}
_ten = {"what": TEN, "method": "deep_ensemble", "members": 10}
_ten_in_bins = _ten | {"what": f"{TEN}; 10 bins, ours has 15"}

CHANCE = (
    "in `results/published` it is chance: all ten networks together have 0.040, which is within "
    "tolerance (`training.csv`); the learning rate is constant, so that networks differ after the "
    "last epoch by a standard deviation of 0.006, and a mean of five has a standard error of 0.003"
)

UNCERTAINTY_BASELINES: tuple[PublishedNumber, ...] = (
    _on_mnist(**_one, **_nll, value=0.037, reason=CHANCE),
    _on_mnist(**_one, **_accuracy, value=0.991),
    _on_mnist(**_ten, **_nll, value=0.016),
    _on_mnist(**_ten, **_accuracy, value=0.994),
    _on_mnist(**_ten_in_bins, **_ece, value=0.005),
    _on_fashion_mnist(**_one, **_nll, value=0.321),
    _on_fashion_mnist(**_one, **_accuracy, value=0.910),
    _on_fashion_mnist(**_ten, **_nll, value=0.200),
    _on_fashion_mnist(**_ten, **_accuracy, value=0.932),
    _on_fashion_mnist(**_ten_in_bins, **_ece, value=0.010),
)
