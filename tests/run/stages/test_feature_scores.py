"""Scores of features are computed once a network, whoever asks for them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks.run.derived import DerivedValues
from benchmarks.tasks.digits import STANDARD
from methods.deep_ensemble import DeepEnsemble
from methods.engines.torch import TorchEngine
from methods.mc_dropout import MCDropout
from methods.networks.pool import UntrainedPool
from methods.networks.recipes import LabelledImages
from methods.pooled import PooledMethod
from methods.scores import FitError, Score
from methods.scores.score import ScoreFunction
from methods.softmax import Softmax

GENERATOR = torch.Generator().manual_seed(0)
TRAINING = LabelledImages(torch.rand(60, 1, 8, 8, generator=GENERATOR), torch.arange(60) % 10)
IMAGES = torch.rand(7, 1, 8, 8, generator=GENERATOR)


class Counted:
    """A score that counts how often it is fitted and computed."""

    def __init__(self) -> None:
        self.fits = self.calls = 0

    def fit(self, features: Tensor, labels: Tensor) -> ScoreFunction:
        self.fits += 1
        return self.norm

    def norm(self, features: Tensor) -> Tensor:
        self.calls += 1
        return features.norm(dim=1)


def refused(features: Tensor, labels: Tensor) -> ScoreFunction:
    raise FitError("the covariance is singular")


def scores_of(**fits: object) -> dict[str, Score]:
    return {
        name: Score(name=name, label=name, needs=frozenset({"features"}), fit=fit)
        for name, fit in fits.items()
    }


def values(
    method: PooledMethod, scores: dict[str, Score], images: str = "clean", by: int = 0
) -> tuple[dict[str, Tensor], dict[str, str]]:
    derived = DerivedValues(method, scores, lambda: TRAINING, dict.fromkeys(scores, by))
    found = derived.scores(method.predict(IMAGES), images, IMAGES, method)
    return found.values, found.reasons


@pytest.fixture
def methods() -> tuple[PooledMethod, ...]:
    pool = UntrainedPool(recipe=STANDARD, engine=TorchEngine())
    every = (
        Softmax(pool=pool),
        MCDropout(pool=pool, passes=3),
        DeepEnsemble(pool=pool, members=2),
    )
    return tuple(method.fit(TRAINING.images, TRAINING.labels) for method in every)


def test_methods_of_a_network_share_its_scores(methods: tuple[PooledMethod, ...]) -> None:
    counted = Counted()
    scores = scores_of(norm=counted.fit)
    one, dropout, two = (values(method, scores)[0]["norm"] for method in methods)
    assert (counted.fits, counted.calls) == (2, 2)
    assert torch.equal(one, dropout)
    other = methods[2].features(IMAGES)[1].norm(dim=1)
    torch.testing.assert_close(two, (one + other.double()) / 2)
    values(methods[0], scores, "rotated")
    assert (counted.fits, counted.calls) == (2, 3)
    values(methods[0], scores, by=1)  # other code
    assert (counted.fits, counted.calls) == (3, 4)


def test_score_that_cannot_be_fitted_has_the_reason(methods: tuple[PooledMethod, ...]) -> None:
    for method, reason in zip(
        (methods[0], methods[2]),
        ("the covariance is singular", "the covariance is singular (for 2 of 2 networks)"),
        strict=True,
    ):
        found, reasons = values(method, scores_of(bad=refused))
        assert found["bad"].isnan().all()
        assert reasons == {"bad": reason}
