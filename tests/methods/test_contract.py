"""Each clause of the contract catches the method that breaks it, and a good method passes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from methods.contract import ContractError, check_method, check_prediction
from methods.interface import Prediction, UncertaintyMethod
from methods.networks.recipes import LabelledImages

MEMBERS = 3


class NearestMean(UncertaintyMethod):
    """A good method: nearest class mean, each member's means a little displaced."""

    name = "nearest_mean"

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        flat = images.flatten(start_dim=1)
        means = torch.stack([flat[labels == c].mean(dim=0) for c in range(10)])
        generator = torch.Generator().manual_seed(self.seed)
        self.means = means + 0.05 * torch.randn((MEMBERS, *means.shape), generator=generator)
        self.layers = [nn.Linear(2, 2), nn.Dropout()]
        self.head = nn.Linear(2, 2).eval()
        return self

    def predict(self, images: Tensor) -> Prediction:
        flat = images.flatten(start_dim=1)
        return Prediction.of_logits(torch.stack([-torch.cdist(flat, m) for m in self.means]))


Check = Callable[[Callable[..., UncertaintyMethod]], None]


@pytest.fixture
def check(training_images: LabelledImages, test_images: LabelledImages) -> Check:
    def check(cls: Callable[..., UncertaintyMethod]) -> None:
        data = (training_images, test_images)
        tensors = [tensor[:300] for part in data for tensor in (part.images, part.labels)]
        check_method(lambda seed: cls(seed=seed), *tensors)

    return check


class Altered(NearestMean):
    """A method whose prediction is altered, by each subclass in another way."""

    def alter(self, prediction: Prediction, images: Tensor) -> Prediction:
        raise NotImplementedError

    def predict(self, images: Tensor) -> Prediction:
        return self.alter(super().predict(images), images)


def predicting(alter: Callable[[Prediction], object]) -> type[UncertaintyMethod]:
    return type("Altered", (Altered,), {"alter": lambda _, prediction, __: alter(prediction)})


def doing(action: Callable[[UncertaintyMethod], object]) -> type[UncertaintyMethod]:
    def alter(self: UncertaintyMethod, prediction: Prediction, _: Tensor) -> Prediction:
        action(self)
        return prediction

    return type("Acting", (Altered,), {"alter": alter})


class FitReturnsNothing(NearestMean):
    def fit(self, images: Tensor, labels: Tensor) -> None:  # type: ignore[override]
        super().fit(images, labels)


class DependsOnTheBatch(Altered):
    def alter(self, prediction: Prediction, images: Tensor) -> Prediction:
        # Normalised by the batch at hand, as a forgotten batch normalisation would.
        return NearestMean.predict(self, images / images.mean() * 0.13)


class PredictsAtRandom(Altered):
    def fit(self, images: Tensor, labels: Tensor) -> Self:
        self.generator = torch.Generator().manual_seed(self.seed)
        return super().fit(images, labels)

    def alter(self, prediction: Prediction, images: Tensor) -> Prediction:
        drawn = torch.rand(MEMBERS, len(images), 10, generator=self.generator).double()
        return Prediction.of(drawn / drawn.sum(dim=-1, keepdim=True))


class CountsItsInstances(NearestMean):
    built = count()

    def __init__(self, *, seed: int = 0, device: str = "cpu") -> None:
        super().__init__(seed=next(self.built), device=device)


class IgnoresItsSeed(NearestMean):
    def __init__(self, *, seed: int = 0, device: str = "cpu") -> None:
        super().__init__(seed=7, device=device)


class LearnsNothing(NearestMean):
    def fit(self, images: Tensor, labels: Tensor) -> Self:
        return super().fit(images, labels.roll(1))


class MembersAlike(NearestMean):
    def predict(self, images: Tensor) -> Prediction:
        first = -torch.cdist(images.flatten(start_dim=1), self.means[0])
        return Prediction.of_logits(first.expand(MEMBERS, -1, -1))


BROKEN: dict[str, tuple[type[UncertaintyMethod], str]] = {
    "fit returns nothing": (FitReturnsNothing, "fit must return the method itself"),
    "probabilities alone": (predicting(lambda p: p.mean), "predict must return a Prediction"),
    "one image too few": (
        predicting(lambda p: replace(p, mean=p.mean[1:])),
        r"mean must be \(300, 10\), not \(299, 10\)",
    ),
    "score with NaN": (
        predicting(lambda p: replace(p, scores={"mine": p.mean[:, 0] * torch.nan})),
        "mine must be finite",
    ),
    "single precision": (
        predicting(lambda p: replace(p, mean=p.mean.float())),
        r"mean must be float64, not torch\.float32",
    ),
    "NaN": (
        predicting(lambda p: replace(p, mean=p.mean / 0 * 0)),
        "mean must be finite everywhere",
    ),
    "negative probabilities": (
        predicting(lambda p: replace(p, mean=2 * p.mean - 0.1)),
        "mean must not be negative",
    ),
    "rows that do not sum to one": (
        predicting(lambda p: replace(p, mean=p.mean * 0.99)),
        r"every row of mean must sum to 1; one is off by 0\.01",
    ),
    "no member": (predicting(lambda p: replace(p, members=0)), "members must be at least 1, not 0"),
    "fractional votes": (
        predicting(lambda p: replace(p, vote_share=p.mean)),
        "vote_share must hold whole votes of 3 members",
    ),
    "a member too few": (
        predicting(lambda p: replace(p, member_probabilities=p.mean[None])),
        r"member_probabilities must be \(3, 300, 10\), not \(1, 300, 10\)",
    ),
    "other members": (
        predicting(lambda p: replace(p, member_probabilities=p.vote_share.expand(3, -1, -1))),
        "the mean of member_probabilities must be mean",
    ),
    "members alike": (MembersAlike, "the members must differ"),
    "mode of a module in a list": (
        doing(lambda method: method.layers[1].eval()),
        "predict must leave train and eval modes alone",
    ),
    "batch split": (DependsOnTheBatch, "mean must not depend on the batch split"),
    "random predictions": (PredictsAtRandom, "predict must give the same prediction twice"),
    "other seed than given": (CountsItsInstances, "the same seed must give the same prediction"),
    "seed ignored": (IgnoresItsSeed, "another seed must give another prediction"),
    "a class too few": (
        predicting(lambda p: Prediction.of(p.mean[None, :, :9] / p.mean[:, :9].sum(1)[:, None])),
        "mean must have a column for each of 10 classes, not 9",
    ),
    "nothing learnt": (LearnsNothing, r"accuracy 0\.\d+ must beat chance, 0\.\d+"),
}


def test_good_method_passes(check: Check) -> None:
    check(NearestMean)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_method_is_caught_by_its_clause(name: str, check: Check) -> None:
    broken, clause = BROKEN[name]
    with pytest.raises(ContractError, match=clause):
        check(broken)


@pytest.mark.parametrize(
    "draw",
    [partial(torch.rand, 1), np.random.random_sample, partial(random.gauss, 0, 1)],
    ids=["torch", "NumPy", "Python"],
)
def test_a_single_draw_is_noticed_wherever_the_generator_stands(
    draw: Callable[[], object], check: Check
) -> None:
    draw()  # a generator in use shows the next draw in its position alone
    with pytest.raises(ContractError, match="global random state"):
        check(doing(lambda _: draw()))


def test_exact_distribution_needs_no_whole_votes(test_images: LabelledImages) -> None:
    random_shares = np.random.default_rng(0).dirichlet(np.ones(10), 20)
    mean = torch.from_numpy(random_shares)
    entropy = torch.special.entr(mean).sum(dim=1)
    exact = Prediction(mean, mean.flip(1), 0.5 * entropy, members=None)
    check_prediction(exact, 20)
    with pytest.raises(ContractError, match="whole votes"):
        check_prediction(replace(exact, members=100), 20)


def test_rounding_is_forgiven() -> None:
    votes = torch.eye(10, dtype=torch.float64)[:4]
    check_prediction(Prediction(votes * (1 + 1e-9), votes, torch.zeros(4).double(), 5), 4)
