"""How a network is trained, and on what: the recipes that runs have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods.networks.architectures import LeNet5, LeNet5ReLU, LeNet5Same, LeNet28
from methods.networks.network import Network
from methods.shapes import Labels, Logits


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images: images in [0, 1] and their classes."""

    images: Float[Tensor, "images channels height width"]
    labels: Labels

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the tensors' bytes, in 64 hexadecimal digits."""
        digest = sha256(self.images.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()


def cosine(passed: float) -> float:
    """Falls from 1 to 0 as a share of the training has passed."""
    return (1 + math.cos(math.pi * passed)) / 2


AVERAGED_FROM = 0.75
"""The share of a training after which stochastic weight averaging begins."""


def averaging_rate(passed: float) -> float:
    """The share of the learning rate by which weights are averaged (Izmailov et al. 2018).

    As their code has it: all of it until half of the time before averaging begins, then in a line
    to one half at nine tenths of that time, and constant from there.

    >>> [averaging_rate(passed) for passed in (0, 0.375, 0.525, 0.675, 1)]
    [1.0, 1.0, 0.75, 0.5, 0.5]
    """
    before = passed / AVERAGED_FROM
    return 1 - 0.5 * min(max((before - 0.5) / 0.4, 0.0), 1.0)


Settings = Mapping[str, float | str]
"""Settings of a method, by the names of its class fields."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; weights begin Xavier-uniform and biases at zero.

    Attributes:
        name: what the tables call it.
        network: the architecture.
        split: which images of a task it trains on: ``"training"``, or ``"all"``, which are the
            training and calibration images together.
        loss: what the cross-entropy is computed on. ``"softmax"`` is the article's slip: its
            network ends in a softmax and its loss applies another, so with ten classes the loss
            cannot fall below log(1 + 9/e) = 1.4612.
        shuffled: whether each epoch has an order of its own. Networks of an unshuffled recipe
            differ in initial weights and dropout masks, but see the images in one common order.
        mean, std: the normalisation of the images, ``(image - mean) / std``; a number, or one a
            channel.
        dropout: probability that a channel is dropped, in [0, 1).
        optimiser: ``"adam"``, or ``"sgd"`` with ``momentum``.
        schedule: of the learning rate: ``"constant"``, or ``"cosine"``, which falls to zero over
            all steps: at step t of T it is ``learning_rate`` times (1 + cos(π t/T)) / 2; or
            ``"averaged"``, that of stochastic weight averaging; see `averaging_rate`. Then the
            network is the mean of those at the ends of the last quarter's epochs.
        bootstrap: whether each network trains on a draw of its own, with replacement, of as many
            images as there are (Breiman 1996).
        weight_decay: decoupled from the gradient (Loshchilov & Hutter 2019): before each step
            all parameters are multiplied by 1 - (learning rate of the step) * ``weight_decay``.
        l2_penalty: coupled with it: the gradient of ``l2_penalty`` Σ θ² / 2 is added to the loss',
            before the optimiser sees it. PyTorch's Adam calls this its weight decay.
        epochs, batch_size, learning_rate: of the optimiser's run; the last batch may be smaller. A
            share of an epoch is that share of its steps.
        best_epochs: the epochs by which one network has the least NLL on calibration images, where
            these are fewer than the largest budget allows; ``None``: all. A method that changes
            the training takes all epochs.
        tuned: by the names of methods, the settings that they have where networks train by it;
            others have the values of their class.
        reported: the training and validation accuracy after all epochs that its source reports.

    Raises:
        ValueError: its epochs are not above 0.
    """

    name: str
    network: type[Network] = LeNet5
    split: Literal["training", "all"] = "all"
    loss: Literal["logits", "softmax"] = "logits"
    shuffled: bool = True
    mean: float | tuple[float, ...] = 0.1307
    std: float | tuple[float, ...] = 0.3081
    dropout: float = 0.5
    optimiser: Literal["adam", "sgd"] = "adam"
    momentum: float = 0.9
    schedule: Literal["constant", "cosine", "averaged"] = "constant"
    bootstrap: bool = False
    weight_decay: float = 0.0
    l2_penalty: float = 0.0
    epochs: float = 10
    best_epochs: float | None = None
    tuned: Mapping[str, Settings] = field(default_factory=dict, compare=False)
    batch_size: int = 64
    learning_rate: float = 1e-3
    reported: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.epochs > 0:
            raise ValueError(f"recipe {self.name!r}: epochs is {self.epochs}; expected more than 0")

    def lasting(self, budget: float) -> Recipe:
        """The recipe with a budget, in networks of its own training: so many times the epochs."""
        return replace(self, epochs=self.epochs * budget)

    def steps(self, images: int) -> int:
        """How many steps it takes, one at least, where an epoch has so many images."""
        return max(1, round(self.epochs * -(-images // self.batch_size)))

    def rate(self, step: int, images: int) -> float:
        """The learning rate of a step, counted from 0, where an epoch has so many images.

        >>> round(LAPLACE_REDUX.rate(50, images=128), 6)
        0.0005
        """
        if self.schedule == "constant":
            return self.learning_rate
        passed = step / self.steps(images)
        share = averaging_rate(passed) if self.schedule == "averaged" else cosine(passed)
        return self.learning_rate * share

    def mean_loss(self, logits: Logits, labels: Labels) -> Float[Tensor, ""]:
        """The mean over a batch of what the recipe minimises."""
        return cross_entropy(logits.softmax(dim=1) if self.loss == "softmax" else logits, labels)


NO_TRAINING = "name", "best_epochs", "tuned", "reported"
"""The parts of a recipe that do not change what it trains."""

WELL_TRAINED = Recipe(
    "well-trained",
    network=LeNet5ReLU,
    split="training",
    dropout=0.0,
    optimiser="sgd",
    schedule="cosine",
    learning_rate=0.03,
    l2_penalty=1e-3,
)
"""The training of today's networks; how its numbers were chosen: `benchmarks.tuning`."""

ARTICLE = Recipe("article", loss="softmax", shuffled=False, mean=0.137, reported=(0.98, 0.973))
ARTICLE_LOGITS = Recipe("article-logits", shuffled=False, mean=0.137)
"""The article's code, with and without its slip."""

UNCERTAINTY_BASELINES = Recipe(
    "uncertainty-baselines",
    network=LeNet5Same,
    split="training",
    mean=0.0,
    std=1.0,
    dropout=0.0,
    epochs=23,  # of 215 steps: 4,945, where 25 epochs of 50,000 images are 4,900
    batch_size=256,
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
)
"""Daxberger et al. 2021, for MNIST. Where a recipe departs from its paper: docs/published.md."""
