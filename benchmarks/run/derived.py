"""What only a prediction's members, logits or features give: their scores."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.predictions import THE_RUN, Owner, RunUnit, StoredPrediction
from benchmarks.run.configuration import feature_scores
from benchmarks.run.plan import Plan
from methods import Prediction
from methods.networks.network import Network
from methods.scores import FitError, Score, member_scores
from methods.scores.score import ScoreFunction, fit_to_network

PerImage = Float[Tensor, " images"]


def sources(plan: Plan, owner: Owner) -> dict[str, int]:
    """The nouns whose values stand in a file, each with a hash of what computes it.

    And a hash of the run, which decides all else.
    """
    functions: dict[str, Any] = {}
    if isinstance(owner, RunUnit):
        functions = {name: score.function for name, score in member_scores().items()}
    elif owner in plan.scored_networks:
        functions = {name: score.fit for name, score in feature_scores(plan.configuration).items()}
    hashes = {name: _hash_of_file(function) for name, function in functions.items()}
    return hashes | {THE_RUN: plan.configuration.digest}


def with_member_scores(
    prediction: Prediction,
    labels: Int64[Tensor, " images"] | None,
    scores: Mapping[str, Score],
    sources: Mapping[str, int] = MappingProxyType({}),
) -> StoredPrediction:
    """A prediction, instead of its members with their scores; NaN where it has none.

    Raises:
        UserError: a score gives something else than a number an image.
    """
    images = len(prediction.mean)
    given = {"members": prediction.member_probabilities, "logits": prediction.member_logits}
    values = {}
    for name, score in scores.items():
        (need,) = score.needs
        values[name] = torch.full((images,), torch.nan, dtype=torch.float64)
        if score.function is not None and given[need] is not None:
            values[name] = _values(f"score {name!r}", score.function(given[need]), images)
    without = replace(prediction, member_probabilities=None, member_logits=None)
    return StoredPrediction(
        replace(without, scores={**prediction.scores, **values}), labels, sources
    )


def fit_scores(
    scores: Mapping[str, Score],
    features: Float[Tensor, "images width"],
    labels: Int64[Tensor, " images"],
    network: Network,
) -> dict[str, ScoreFunction | str]:
    """Functions of one network's features, by score, or why it cannot be fitted.

    Features and labels are of the images that the network was trained on.
    """
    fits: dict[str, ScoreFunction | str] = {}
    for name, score in scores.items():
        try:
            fits[name] = fit_to_network(score, features, labels, network)
        except FitError as error:
            fits[name] = str(error)
    return fits


def score_values(
    fits: Mapping[str, ScoreFunction | str], features: Float[Tensor, "images width"]
) -> tuple[dict[str, PerImage], dict[str, str]]:
    """Values of the scores that could be fitted, and why the others could not.

    Raises:
        UserError: a score gives something else than a number an image.
    """
    values = {
        name: _values(f"score {name!r}", fit(features), len(features)).float()
        for name, fit in fits.items()
        if not isinstance(fit, str)
    }
    return values, {name: fit for name, fit in fits.items() if isinstance(fit, str)}


def _values(noun: str, values: Any, images: int) -> PerImage:
    from benchmarks.metrics.metric import one_each  # which imports Numba

    return torch.as_tensor(one_each(noun, values, images))


def _hash_of_file(function: Any) -> int:
    """Hash of the file that defines a function, 63 bits; 0 where there is no such file."""
    while isinstance(function, partial):
        function = function.func
    code = function if inspect.isroutine(function) else type(function)
    try:
        path = Path(inspect.getsourcefile(code) or "")
    except TypeError:  # of a built-in
        return 0
    content = path.read_bytes() if path.is_file() else b""
    return int.from_bytes(sha256(content).digest()[:8]) >> 1
