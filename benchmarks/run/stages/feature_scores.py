"""The scores of a network's features, computed once for all methods that use the network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any
from uuid import uuid4

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.metrics.metric import one_each
from methods import PooledMethod
from methods.networks.labelled_images import LabelledImages
from methods.networks.network import Network
from methods.scores import FitError, Score
from methods.scores.of_networks import fit_to_network
from methods.scores.score import Of

Features = Callable[[Tensor], Float[Tensor, "images width"]]

Result = Float[Tensor, " images"] | str
"""The values of a score, or why there are none."""

MOST_NETWORKS = 48
"""So many networks are remembered, some 5 MB each: all that single-network methods share."""


class NetworkScores:
    """The scores of one network: fitted when they are first asked for, computed once a condition.

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
        self._fits: dict[str, Of | str] | None = None
        self._values: dict[str, dict[str, Result]] = {}
        self._lock = Lock()

    def of(self, condition: str, images: Tensor) -> dict[str, Result]:
        """By score, its values for a condition's images, or why it has none."""
        with self._lock:
            if condition not in self._values:
                self._values[condition] = self._computed(images)
            return self._values[condition]

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
            name: fit if isinstance(fit, str) else _values(name, fit(features), len(images))
            for name, fit in self._fits.items()
        }


class SharedScores:
    """The scores of networks by their weights, shared by the threads of a process.

    Methods that get the same network of a pool, or another one of equal weights, share its scores.
    """

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._networks: OrderedDict[str, NetworkScores] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Callable[[str], SharedScores], tuple[str]]:
        """Another process begins with none, and keeps its own, however often it gets these."""
        return _of_this_process, (self._name,)

    def of_networks(
        self,
        method: PooledMethod,
        scores: Mapping[str, Score],
        training: Callable[[], LabelledImages],
    ) -> Sequence[NetworkScores]:
        """Of each network of a fitted method."""
        if type(method).features is not PooledMethod.features:
            return [
                NetworkScores(_own_features(method, position), network, scores, training)
                for position, network in enumerate(method.fitted)
            ]
        return [self._of(method, network, scores, training) for network in method.fitted]

    def _of(
        self,
        method: PooledMethod,
        network: Network,
        scores: Mapping[str, Score],
        training: Callable[[], LabelledImages],
    ) -> NetworkScores:
        key = _digest(network, training().fingerprint)
        with self._lock:
            if key not in self._networks:
                features = _features_of(method, network)
                self._networks[key] = NetworkScores(features, network, scores, training)
            self._networks.move_to_end(key)
            while len(self._networks) > MOST_NETWORKS:
                self._networks.popitem(last=False)
            return self._networks[key]


@lru_cache(maxsize=1)
def _of_this_process(name: str) -> SharedScores:
    """Those of one stage of a run, to which the name belongs; workers may outlive it."""
    return SharedScores()


def _features_of(method: PooledMethod, network: Network) -> Features:
    engine = method.pool.engine
    return lambda images: engine.prepare([network]).features(images)[0]


def _own_features(method: PooledMethod, position: int) -> Features:
    return lambda images: method.features(images)[position]


def _fitted(score: Score, features: Tensor, training: LabelledImages, network: Network) -> Of | str:
    try:
        return fit_to_network(score, features, training.labels, network)
    except FitError as error:
        return str(error)


def _values(name: str, values: Any, images: int) -> Float[Tensor, " images"]:
    return torch.as_tensor(one_each(f"score {name!r}", values, images)).float()


def _digest(network: Network, training: str) -> str:
    """Of everything that features depend on, and of the images that scores are fitted on."""
    kind = type(network)
    settings = (kind.__module__, kind.__qualname__, network.mean, network.std, training)
    digest = sha256(repr(settings).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
