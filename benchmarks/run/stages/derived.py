"""What only a prediction's members, logits or features give: computed by `predict`, and stored."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.metrics import METRICS, Metric
from benchmarks.metrics.metric import one_each
from benchmarks.predictions import THE_RUN
from benchmarks.run.folder.digest import digest_of
from benchmarks.run.plan import Plan
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


def sources(plan: Plan) -> dict[str, int]:
    """The nouns whose values stand in prediction files, each with a hash of what computes it.

    And a hash of the run, which decides all else.
    """
    functions = {name: score.of or score.fit for name, score in stored_scores().items()}
    functions |= {name: metric.function for name, metric in member_metrics().items()}
    hashes = {name: _hash_of_file(function) for name, function in functions.items()}
    return hashes | {THE_RUN: digest_of(plan.configuration)}


class DerivedValues:
    """The values of one fitted method; NaN where it does not give what they need.

    Whatever computes them must give a number an image, else there is a `UserError`.

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
            name: _nan(prediction)
            if members is None
            else _values(f"metric {name!r}", metric.function(members), prediction)
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
                values[name] = (
                    _nan(prediction)
                    if array is None
                    else _values(f"score {name!r}", _of(score)(array), prediction)
                )
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
        each = [
            _values(f"score {name!r}", fit(of_one), prediction)
            for fit, of_one in zip(fits, features, strict=True)
        ]
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


def _values(noun: str, values: Any, prediction: Prediction) -> Values:
    return torch.as_tensor(one_each(noun, values, len(prediction.mean)))


def _hash_of_file(function: Any) -> int:
    """Of the file that defines a function, 63 bits; 0 where there is no such file."""
    while isinstance(function, partial):
        function = function.func
    code = function if inspect.isroutine(function) else type(function)
    try:
        path = Path(inspect.getsourcefile(code) or "")
    except TypeError:  # of a built-in
        return 0
    content = path.read_bytes() if path.is_file() else b""
    return int.from_bytes(sha256(content).digest()[:8]) >> 1


def _nan(prediction: Prediction) -> Values:
    return torch.full((len(prediction.mean),), torch.nan, dtype=torch.float64)
