"""What only a prediction's members, logits or features give: computed by `predict`, and stored."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.metrics import METRICS, Metric
from benchmarks.metrics.metric import one_each
from benchmarks.predictions import THE_RUN
from benchmarks.run.configuration import stored_scores
from benchmarks.run.plan import Plan
from benchmarks.run.stages.feature_scores import NetworkScores, SharedScores
from methods import MemberMethod, PooledMethod, Prediction, UncertaintyMethod
from methods.networks.labelled_images import LabelledImages
from methods.scores import Score
from methods.scores.score import Of

Values = Float[Tensor, " images"]

TOO_MANY = "scores of features are not fitted to as many networks as the method draws"


def member_metrics() -> dict[str, Metric]:
    """The metrics of which each image's value stands in prediction files."""
    return {name: metric for name, metric in METRICS.items() if "members" in metric.needs}


def sources(plan: Plan) -> dict[str, int]:
    """The nouns whose values stand in prediction files, each with a hash of what computes it.

    And a hash of the run, which decides all else.
    """
    functions = {
        name: score.of or score.fit for name, score in stored_scores(plan.configuration).items()
    }
    functions |= {name: metric.function for name, metric in member_metrics().items()}
    hashes = {name: _hash_of_file(function) for name, function in functions.items()}
    return hashes | {THE_RUN: plan.configuration.digest}


class Scores(NamedTuple):
    """The values of scores, NaN where there are none, and the reasons for that, by name."""

    values: dict[str, Values]
    reasons: dict[str, str]


class DerivedValues:
    """The values of one fitted method; NaN where it does not give what they need.

    Whatever computes them must give a number an image, else there is a `UserError`.

    Args:
        method: whose members and networks they are of.
        scores: the scores to compute, by name.
        shared: the scores of networks' features.
        training: loads the images that the method was fitted on.
    """

    def __init__(
        self,
        method: UncertaintyMethod,
        scores: Mapping[str, Score],
        shared: SharedScores,
        training: Callable[[], LabelledImages],
    ) -> None:
        self._method, self._shared, self._training = method, shared, training
        self._of_features = {n: s for n, s in scores.items() if s.fit is not None}
        self._of_members = {n: s for n, s in scores.items() if s.fit is None}

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
        self, prediction: Prediction, condition: str, images: Tensor, unit: UncertaintyMethod
    ) -> Scores:
        """Each image's value of every score.

        Args:
            prediction: of the images.
            condition: what these are.
            images: these.
            unit: the method that it is of, whose networks are among those of the fitted one.
        """
        given: Mapping[str, Tensor | None] = {
            "members": prediction.member_probabilities,
            "logits": prediction.member_logits,
        }
        found = Scores({}, {})
        for name, score in self._of_members.items():
            (need,) = score.needs
            array = given[need]
            found.values[name] = (
                _nan(prediction)
                if array is None
                else _values(f"score {name!r}", _of(score)(array), prediction)
            )
        if self._of_features:
            self._add_of_features(found, prediction, condition, images, unit)
        return found

    def _add_of_features(
        self,
        found: Scores,
        prediction: Prediction,
        condition: str,
        images: Tensor,
        unit: UncertaintyMethod,
    ) -> None:
        """The means over the unit's networks."""
        if not self._method.feature_scores:
            found.values.update(dict.fromkeys(self._of_features, _nan(prediction)))
            found.reasons.update(dict.fromkeys(self._of_features, TOO_MANY))
            return
        networks = self._networks
        if unit.counts_networks and isinstance(unit, MemberMethod):
            networks = networks[unit.slice_of(cast(MemberMethod, self._method))]
        each = [network.of(condition, images) for network in networks]
        for name in self._of_features:
            results = [of_one[name] for of_one in each]
            values = [one for one in results if isinstance(one, Tensor)]
            found.values[name] = (
                torch.stack(values).double().mean(dim=0)
                if values and len(values) == len(results)
                else _nan(prediction)
            )
            if reasons := [one for one in results if isinstance(one, str)]:
                of_some = f" (for {len(reasons)} of {len(results)} networks)"
                found.reasons[name] = reasons[0] + (of_some if len(results) > 1 else "")

    @cached_property
    def _networks(self) -> Sequence[NetworkScores]:
        if not isinstance(self._method, PooledMethod):
            return ()
        return self._shared.of_networks(self._method, self._of_features, self._training)


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
