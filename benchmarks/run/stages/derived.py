"""What only a prediction's members, logits or features give: computed by `predict`, and stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.metrics import METRICS, Metric
from methods import MemberMethod, PooledMethod, Prediction, UncertaintyMethod
from methods.networks.labelled_images import LabelledImages
from methods.scores import SCORES, Score, of_probabilities
from methods.scores.score import Of

Values = Float[Tensor, " images"]


def stored_scores() -> dict[str, Score]:
    """The scores that stand in prediction files, since probabilities are not enough."""
    return {name: score for name, score in SCORES.items() if name not in of_probabilities()}


def member_metrics() -> dict[str, Metric]:
    """The metrics of which each image's value stands in prediction files."""
    return {name: metric for name, metric in METRICS.items() if "members" in metric.needs}


class DerivedValues:
    """The values of one fitted method; NaN where it does not give what they need.

    Args:
        method: whose features scores are fitted on, once a network.
        training: loads the images that it was fitted on.
    """

    def __init__(self, method: UncertaintyMethod, training: Callable[[], LabelledImages]) -> None:
        self._method, self._training = method, training

    def metrics(self, prediction: Prediction) -> dict[str, Values]:
        """By metric, each image's value."""
        members = prediction.member_probabilities
        return {
            name: _nan(prediction) if members is None else metric.function(members)
            for name, metric in member_metrics().items()
        }

    def scores(
        self, prediction: Prediction, images: Tensor, unit: UncertaintyMethod
    ) -> dict[str, Values]:
        """By score, each image's value.

        Args:
            prediction: of the images.
            images: these.
            unit: the method that it is of, whose networks are among those of the fitted one.
        """
        given: Mapping[str, Tensor | None] = {
            "members": prediction.member_probabilities,
            "logits": prediction.member_logits,
        }
        values = {}
        for name, score in stored_scores().items():
            (need,) = score.needs
            if need == "features":
                values[name] = self._by_features(name, prediction, images, unit)
            else:
                array = given[need]
                values[name] = _nan(prediction) if array is None else _of(score)(array)
        return values

    def _by_features(
        self, name: str, prediction: Prediction, images: Tensor, unit: UncertaintyMethod
    ) -> Values:
        """The mean over the unit's networks."""
        fitted = self._method
        if not isinstance(fitted, PooledMethod):
            return _nan(prediction)
        own = slice(None)
        if unit.counts_networks and isinstance(unit, MemberMethod):
            own = unit.slice_of(cast(MemberMethod, fitted))
        features, fits = fitted.features(images)[own], self._fits[name][own]
        each = [fit(of_one) for fit, of_one in zip(fits, features, strict=True)]
        return torch.stack(each).double().mean(dim=0)

    @cached_property
    def _fits(self) -> dict[str, Sequence[Of]]:
        """By score, its fit to the training images' features of each network."""
        assert isinstance(self._method, PooledMethod)
        training = self._training()
        features = self._method.features(training.images)
        return {
            name: [score.fit(of_one, training.labels) for of_one in features]
            for name, score in stored_scores().items()
            if score.fit is not None
        }


def _of(score: Score) -> Of:
    assert score.of is not None
    return score.of


def _nan(prediction: Prediction) -> Values:
    return torch.full((len(prediction.mean),), torch.nan, dtype=torch.float64)
