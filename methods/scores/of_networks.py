"""Scores fitted on the features of a method's networks, those of a user's own too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from methods.scores.score import FitError, Of, Score

CHECKED = 100
"""Images on which the logits must be those of the last layer."""


class WithFeatures(Protocol):
    """A method whose networks give features, such as `Softmax.from_network(…)`."""

    @property
    def fitted(self) -> Sequence[Any]:
        """The trained networks, each with its last layer as ``head``."""

    @property
    def prepared(self) -> Any:
        """The same, as their engine computes them."""

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
    if "head" in score.needs:
        logits = method.prepared.logits(images[:CHECKED])
        for features, own, network in zip(each, logits, method.fitted, strict=True):
            _require_last(features[:CHECKED], own, network)
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
    if not features.isfinite().all():
        raise FitError("features of the training images are not finite")
    layer: tuple[nn.Linear, ...] = ()
    if "head" in score.needs:
        if not isinstance(head := network.head, nn.Linear) or head.bias is None:
            raise FitError("the last layer is no nn.Linear with a bias")
        layer = (head,)
    try:
        return score.fit(features, labels, *layer)
    except RuntimeError as error:  # of torch.linalg
        raise FitError(f"the features have no such decomposition: {error}") from error


def _require_last(
    features: Float[Tensor, "images width"], logits: Float[Tensor, "images classes"], network: Any
) -> None:
    """A network given by its user may end in another layer than that of its features."""
    if not isinstance(head := network.head, nn.Linear) or head.in_features != features.shape[1]:
        return  # which is refused when the score is fitted
    own = features @ head.weight.detach().cpu().T + (0 if head.bias is None else head.bias.cpu())
    if own.shape != logits.shape or not torch.allclose(own, logits, atol=1e-3, rtol=1e-3):
        raise FitError("the network does not end in the linear layer of its features")
