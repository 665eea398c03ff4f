"""What only a prediction's members, logits or features give: computed by `predict`, and stored.

Scores of a network's features are computed once for all methods that use the network.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.metrics import METRICS, Metric
from benchmarks.metrics.metric import one_each
from benchmarks.predictions import THE_RUN
from benchmarks.run.configuration import stored_scores
from benchmarks.run.plan import Plan
from methods import MemberMethod, PooledMethod, Prediction, UncertaintyMethod
from methods.networks.network import Network
from methods.networks.recipes import LabelledImages
from methods.scores import FitError, Score
from methods.scores.score import ScoreFunction, fit_to_network

Values = Float[Tensor, " images"]

Result = Values | str
"""The values of a score, or why there are none."""

Features = Callable[[Tensor], Float[Tensor, "images width"]]

TOO_MANY = "scores of features are not fitted to as many networks as the method draws"

MOST_NETWORKS = 48
"""So many networks are remembered, some 5 MB each: all that single-network methods share."""


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
        training: loads the images that the method was fitted on.
        computed_by: see `sources`.
    """

    def __init__(
        self,
        method: UncertaintyMethod,
        scores: Mapping[str, Score],
        training: Callable[[], LabelledImages],
        computed_by: Mapping[str, int],
    ) -> None:
        self._method, self._training, self._computed_by = method, training, computed_by
        self._of_features = {n: s for n, s in scores.items() if s.fit is not None}
        self._of_members = {n: s for n, s in scores.items() if s.fit is None}

    def metrics(self, prediction: Prediction) -> dict[str, Values]:
        """By metric, each image's value."""
        members = prediction.member_probabilities
        return {
            name: _nan(prediction)
            if members is None
            else _values(f"metric {name!r}", metric.function(members), len(prediction.mean))
            for name, metric in member_metrics().items()
        }

    def scores(
        self, prediction: Prediction, fingerprint: str, images: Tensor, unit: UncertaintyMethod
    ) -> Scores:
        """Each image's value of every score.

        Args:
            prediction: of the images.
            fingerprint: of these images.
            images: these.
            unit: the method that it is of, whose networks are among those of the fitted one.
        """
        given: Mapping[str, Tensor | None] = {
            "members": prediction.member_probabilities,
            "logits": prediction.member_logits,
        }
        values, reasons = dict[str, Values](), dict[str, str]()
        for name, score in self._of_members.items():
            (need,) = score.needs
            array, of = given[need], score.of
            values[name] = (
                _nan(prediction)
                if array is None or of is None
                else _values(f"score {name!r}", of(array), len(images))
            )
        if self._of_features and not self._method.feature_scores:
            values |= dict.fromkeys(self._of_features, _nan(prediction))
            return Scores(values, reasons | dict.fromkeys(self._of_features, TOO_MANY))
        networks = self._networks if self._of_features else []
        if unit.counts_networks and isinstance(unit, MemberMethod):
            networks = networks[unit.slice_of(cast(MemberMethod, self._method))]
        each = [network.of(fingerprint, images) for network in networks]
        for name in self._of_features:
            known = [one[name] for one in each if isinstance(one[name], Tensor)]
            why = [reason for one in each if isinstance(reason := one[name], str)]
            values[name] = _nan(prediction)
            if known and not why:
                values[name] = torch.stack(cast(list[Tensor], known)).double().mean(dim=0)
            if why:
                several = f" (for {len(why)} of {len(each)} networks)" if len(each) > 1 else ""
                reasons[name] = why[0] + several
        return Scores(values, reasons)

    @cached_property
    def _networks(self) -> list[NetworkScores]:
        """Of each of the method's networks, shared with other methods that have the same."""
        method = self._method
        if not isinstance(method, PooledMethod):
            return []
        features = [_features_of(method, position) for position in range(len(method.fitted))]
        made = [
            NetworkScores(of_images, network, self._of_features, self._training)
            for of_images, network in zip(features, method.fitted, strict=True)
        ]
        if type(method).features is not PooledMethod.features:
            return made
        by = tuple((name, self._computed_by.get(name)) for name in self._of_features)
        return [
            _remembered((by, _digest(network, self._training().fingerprint)), scores)
            for network, scores in zip(method.fitted, made, strict=True)
        ]


class NetworkScores:
    """The scores of one network: fitted when they are first asked for, computed once for images.

    Args:
        features: of images.
        network: whose last layer some scores need.
        scores: by name.
        training: loads the images that the network was trained on.
    """

    def __init__(
        self,
        features: Features,
        network: Network,
        scores: Mapping[str, Score],
        training: Callable[[], LabelledImages],
    ) -> None:
        self._features, self._network = features, network
        self._scores, self._training = scores, training
        self._fits: dict[str, ScoreFunction | str] | None = None
        self._values: dict[str, dict[str, Result]] = {}
        self._lock = Lock()

    def of(self, fingerprint: str, images: Tensor) -> dict[str, Result]:
        """By score, its values for images of a fingerprint, or why it has none."""
        with self._lock:
            if fingerprint not in self._values:
                self._values[fingerprint] = self._computed(images)
            return self._values[fingerprint]

    def _computed(self, images: Tensor) -> dict[str, Result]:
        if self._fits is None:
            training = self._training()
            features = self._features(training.images)
            self._fits = {
                name: _fitted(score, features, training, self._network)
                for name, score in self._scores.items()
            }
        if all(isinstance(fit, str) for fit in self._fits.values()):
            return {name: str(fit) for name, fit in self._fits.items()}
        features = self._features(images)
        return {
            name: fit
            if isinstance(fit, str)
            else _values(f"score {name!r}", fit(features), len(images)).float()
            for name, fit in self._fits.items()
        }


_known: OrderedDict[object, NetworkScores] = OrderedDict()
_lock = Lock()


def _remembered(key: object, scores: NetworkScores) -> NetworkScores:
    """Those of the same network that this process, all of its threads, has used last."""
    with _lock:
        scores = _known.setdefault(key, scores)
        _known.move_to_end(key)
        if len(_known) > MOST_NETWORKS:
            _known.popitem(last=False)
    return scores


def _features_of(method: PooledMethod, position: int) -> Features:
    if type(method).features is not PooledMethod.features:
        return lambda images: method.features(images)[position]
    engine, network = method.pool.engine, method.fitted[position]
    return lambda images: engine.prepare([network]).features(images)[0]


def _fitted(
    score: Score, features: Tensor, training: LabelledImages, network: Network
) -> ScoreFunction | str:
    try:
        return fit_to_network(score, features, training.labels, network)
    except FitError as error:
        return str(error)


def _values(noun: str, values: Any, images: int) -> Values:
    return torch.as_tensor(one_each(noun, values, images))


def _digest(network: Network, training: str) -> str:
    """Of everything that features depend on, and of the images that scores are fitted on."""
    kind = type(network)
    settings = (kind.__module__, kind.__qualname__, network.mean, network.std, training)
    digest = sha256(repr(settings).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


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
