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
from methods.pooled import require_features
from methods.scores import FitError, Score
from methods.scores.score import ScoreFunction, fit_to_network

PerImage = Float[Tensor, " images"]

ValuesOrReason = PerImage | str
"""The values of a score, or why there are none."""

FeatureFunction = Callable[[Tensor], Float[Tensor, "images width"]]

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
        name: score.function or score.fit
        for name, score in stored_scores(plan.configuration).items()
    }
    functions |= {name: metric.function for name, metric in member_metrics().items()}
    hashes = {name: _hash_of_file(function) for name, function in functions.items()}
    return hashes | {THE_RUN: plan.configuration.digest}


class DerivedScores(NamedTuple):
    """The values of scores, NaN where there are none, and the reasons for that, by name."""

    values: dict[str, PerImage]
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
        self._feature_scores = {n: s for n, s in scores.items() if s.fit is not None}
        self._member_scores = {n: s for n, s in scores.items() if s.fit is None}

    def metrics(self, prediction: Prediction) -> dict[str, PerImage]:
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
    ) -> DerivedScores:
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
        values, reasons = dict[str, PerImage](), dict[str, str]()
        for name, score in self._member_scores.items():
            (need,) = score.needs
            array, function = given[need], score.function
            values[name] = (
                _nan(prediction)
                if array is None or function is None
                else _values(f"score {name!r}", function(array), len(images))
            )
        if self._feature_scores and not self._method.feature_scores:
            values |= dict.fromkeys(self._feature_scores, _nan(prediction))
            return DerivedScores(values, reasons | dict.fromkeys(self._feature_scores, TOO_MANY))
        networks = self._networks if self._feature_scores else []
        if unit.counts_networks and isinstance(unit, MemberMethod):
            networks = networks[unit.slice_of(cast(MemberMethod, self._method))]
        by_network = [network.values(fingerprint, images) for network in networks]
        for name in self._feature_scores:
            each = [scores[name] for scores in by_network]
            why = [reason for reason in each if isinstance(reason, str)]
            values[name] = _nan(prediction)
            if why:
                several = f" (for {len(why)} of {len(each)} networks)" if len(each) > 1 else ""
                reasons[name] = why[0] + several
            elif each:
                values[name] = torch.stack(cast(list[Tensor], each)).double().mean(dim=0)
        return DerivedScores(values, reasons)

    @cached_property
    def _networks(self) -> list[NetworkScores]:
        """Of each of the method's networks, shared with other methods that have the same."""
        method, scores = self._method, self._feature_scores
        if not isinstance(method, PooledMethod):
            return []
        code = tuple((name, self._computed_by.get(name)) for name in scores)
        networks = []
        for position, network in enumerate(method.fitted):
            features = _features_of(method, position)
            made = NetworkScores(features, network, scores, self._training)
            if type(method).features is PooledMethod.features:
                made = _remembered((code, _digest(network, self._training().fingerprint)), made)
            networks.append(made)
        return networks


def _features_of(method: PooledMethod, position: int) -> FeatureFunction:
    if type(method).features is not PooledMethod.features:
        return lambda images: method.features(images)[position]
    engine, network = method.pool.engine, method.fitted[position]
    return lambda images: require_features(engine.prepare([network]).outputs(images))[0]


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
        features: FeatureFunction,
        network: Network,
        scores: Mapping[str, Score],
        training: Callable[[], LabelledImages],
    ) -> None:
        self._features, self._network = features, network
        self._scores, self._training = scores, training
        self._values: dict[str, dict[str, ValuesOrReason]] = {}
        self._lock = Lock()

    def values(self, fingerprint: str, images: Tensor) -> dict[str, ValuesOrReason]:
        """By score, its values for images of a fingerprint, or why it has none."""
        with self._lock:
            if fingerprint not in self._values:
                fits, features = self._fits, self._features(images)
                self._values[fingerprint] = {
                    name: fit
                    if isinstance(fit, str)
                    else _values(f"score {name!r}", fit(features), len(images)).float()
                    for name, fit in fits.items()
                }
            return self._values[fingerprint]

    @cached_property
    def _fits(self) -> dict[str, ScoreFunction | str]:
        """By score, its function, or why it cannot be fitted."""
        training, fits = self._training(), dict[str, ScoreFunction | str]()
        features = self._features(training.images)
        for name, score in self._scores.items():
            try:
                fits[name] = fit_to_network(score, features, training.labels, self._network)
            except FitError as error:
                fits[name] = str(error)
        return fits


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


def _values(noun: str, values: Any, images: int) -> PerImage:
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


def _nan(prediction: Prediction) -> PerImage:
    return torch.full((len(prediction.mean),), torch.nan, dtype=torch.float64)
