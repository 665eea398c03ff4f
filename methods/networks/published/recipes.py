"""How other papers train; where a recipe departs from its paper stands in docs/published.md."""

from __future__ import annotations

from methods.networks.published.lenet5_same import LeNet5Same
from methods.networks.published.lenet_28 import LeNet28
from methods.networks.recipes import Recipe

UNCERTAINTY_BASELINES = Recipe(
    "uncertainty-baselines",
    network=LeNet5Same,
    split="training",
    mean=0.0,
    std=1.0,
    dropout=0.0,
    epochs=23,  # of 215 steps: 4,945, where 25 epochs of 50,000 images are 4,900
    batch_size=256,
    pool=10,
)
"""Nado et al. 2021: ``baselines/mnist/deterministic.py``, for MNIST and Fashion-MNIST alike."""

LAPLACE_REDUX = Recipe(
    "laplace-redux",
    network=LeNet28,
    split="all",
    mean=0.0,
    std=1.0,
    dropout=0.0,
    schedule="cosine",
    l2_penalty=5e-4,
    epochs=100,
    batch_size=128,
    pool=5,
)
"""Daxberger et al. 2021, for MNIST."""
