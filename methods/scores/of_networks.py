"""Scores fitted on the features of a method's networks, those of a user's own too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from methods.scores.score import FitError, Of, Score


class WithFeatures(Protocol):
    """A method whose networks give features, such as `Softmax.from_network(…)`."""

    @property
    def fitted(self) -> Sequence[Any]:
        """The trained networks, each with its last layer as ``head``."""

    def features(
        self, images: Float[Tensor, "images ..."]
    ) -> Float[Tensor, "networks images width"]:
        """The penultimate layer of each network."""


def fit_to_networks(
    score: Score,
    method: WithFeatures,
    images: Float[Tensor, "images ..."],
    labels: Int64[Tensor, " images"],
) -> Of:
    """A score of a method, as a function of images: the mean over its networks.

    Args:
        score: one that needs features.
        method: fitted.
        images, labels: those that its networks were trained on.

    Raises:
        FitError: the score cannot be fitted to the features of one of the networks.
    """
    each = method.features(images)  # first: it may find the last layers
    fits = [
        fit_to_network(score, features, labels, network)
        for features, network in zip(each, method.fitted, strict=True)
    ]

    def mean(images: Float[Tensor, "images ..."]) -> Float[Tensor, " images"]:
        features = method.features(images)
        values = [fit(of_one) for fit, of_one in zip(fits, features, strict=True)]
        return torch.stack(values).mean(dim=0)

    return mean


def fit_to_network(
    score: Score,
    features: Float[Tensor, "images width"],
    labels: Int64[Tensor, " images"],
    network: Any,
) -> Of:
    """A score of one network, as a function of features.

    Raises:
        FitError: the score cannot be fitted to these.
        ValueError: it is not fitted to features at all.
    """
    if score.fit is None:
        raise ValueError(f"the score {score.name!r} needs no features; call its `of`")
    if "head" not in score.needs:
        return score.fit(features, labels)
    if not isinstance(head := network.head, nn.Linear) or head.bias is None:
        raise FitError("the last layer is no nn.Linear with a bias")
    return score.fit(features, labels, head)
