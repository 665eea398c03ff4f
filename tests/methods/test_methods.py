"""Every method of the register keeps the contract, and predicts as its definition says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from methods import METHODS, PooledMethod
from methods.contract import check_method
from methods.deep_ensemble import DeepEnsemble
from methods.interface import UncertaintyMethod
from methods.mc_dropout import MCDropout, MCDropoutEnsemble
from methods.networks.architectures import LeNet5
from methods.networks.network import pass_masks
from methods.networks.pool import NetworkPool, UntrainedPool
from methods.networks.recipes import (
    ARTICLE,
    UNCERTAINTY_BASELINES,
    WELL_TRAINED,
    LabelledImages,
    Recipe,
)
from methods.pooled import NotFittedError
from methods.softmax import Softmax
from tests.training import PLAIN, STANDARD

POOL = NetworkPool(replace(STANDARD, epochs=2))
SUITES = ("softmax", "mc_dropout", "deep_ensemble")


@pytest.mark.parametrize("name", METHODS)
def test_keeps_the_contract(
    name: str, training_images: LabelledImages, test_images: LabelledImages
) -> None:
    """By the kernels; by PyTorch, `given/` and `posthoc/test_every_network.py` check it."""

    def build(seed: int) -> UncertaintyMethod:
        return METHODS[name].build(replace(POOL, seed=seed), size=2)

    given = (training_images.images[:500], training_images.labels[:500])
    check_method(build, *given, test_images.images[:100], test_images.labels[:100])


@pytest.mark.parametrize(
    ("method", "numbers"),
    [
        (Softmax(pool=POOL, replicate=1), [1]),
        (DeepEnsemble(pool=POOL, replicate=1, members=2), [2, 3]),
    ],
)
def test_prediction_is_the_mean_softmax_of_the_networks_of_its_replicate(
    method: PooledMethod,
    numbers: list[int],
    training_images: LabelledImages,
    test_images: LabelledImages,
) -> None:
    networks = POOL.networks(numbers, training_images)
    outputs = torch.stack([network(test_images.images) for network in networks])
    method.fit(training_images.images, training_images.labels)
    prediction = method.predict(test_images.images)
    expected = outputs.softmax(dim=-1).mean(0).double()
    torch.testing.assert_close(prediction.mean, expected, atol=1e-6, rtol=1e-5)
    assert prediction.members == len(numbers)


def test_mc_dropout_is_the_mean_of_its_passes(
    training_images: LabelledImages, test_images: LabelledImages
) -> None:
    method = MCDropout(pool=POOL, replicate=1, passes=6)
    method.fit(training_images.images, training_images.labels)
    (network,) = POOL.networks([1], training_images)
    masks = pass_masks(0, 1, 6, LeNet5.channels, 0.5)
    passes = [network(test_images.images, mask[None]) for mask in masks]
    expected = torch.stack(passes).softmax(dim=-1).mean(0).double()
    prediction = method.predict(test_images.images)
    torch.testing.assert_close(prediction.mean, expected, atol=1e-6, rtol=1e-5)
    votes = torch.stack([p.argmax(1) for p in passes])
    counts = torch.nn.functional.one_hot(votes, 10).sum(0)
    assert torch.equal((prediction.vote_share * 6).round().long(), counts)


@pytest.mark.parametrize(("members", "counts"), [(3, [34, 33, 33]), (120, [1] * 120)])
def test_ensemble_of_mc_dropout_has_the_passes_of_its_networks(
    members: int, counts: list[int], training_images: LabelledImages, test_images: LabelledImages
) -> None:
    few = test_images.images[:20]
    data = training_images.images[:500], training_images.labels[:500]
    pool = POOL if members < 10 else UntrainedPool()
    method = MCDropoutEnsemble(members=members, pool=pool, replicate=1).fit(*data)
    each = method.member_logits(few).split(counts)
    for network, own in zip(method.networks, each, strict=True):
        single = MCDropout(passes=len(own), pool=pool, replicate=network).fit(*data)
        torch.testing.assert_close(own, single.member_logits(few), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "recipe",
    [STANDARD, PLAIN, ARTICLE, WELL_TRAINED, UNCERTAINTY_BASELINES],
    ids=lambda recipe: recipe.name,
)
def test_only_dropout_objects_and_only_to_networks_without_dropout(recipe: Recipe) -> None:
    objecting = [name for name in SUITES if METHODS[name].objection(recipe)]
    assert objecting == ([] if recipe.dropout else ["mc_dropout"])
    # By its own training it has dropout, wherever there is a place for it.
    own = {name: METHODS[name]().training(recipe) for name in SUITES}
    objecting = [name for name in SUITES if METHODS[name].objection(own[name])]
    assert objecting == ([] if recipe.network.channels else ["mc_dropout"])


@pytest.mark.parametrize("kind", [Softmax, MCDropout, DeepEnsemble])
def test_method_that_is_not_fitted_says_so(kind: type[PooledMethod]) -> None:
    with pytest.raises(NotFittedError, match=f"{kind.__name__} is not fitted; call fit"):
        kind().predict(torch.zeros(1, 1, 28, 28))
