"""A GPU computes what the CPU does: a short training, and the predictions of every method."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate
from torch.nn.utils import parameters_to_vector

from benchmarks.data.loading import load_digits
from benchmarks.tasks.digits import DIGITS
from methods import METHODS, Prediction
from methods.engines.torch import TorchEngine
from methods.networks.network import Network
from methods.networks.pool import NetworkPool, UntrainedPool
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.training import TrainedNetwork, initial_network, train_networks
from tests.training import STANDARD

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]

CPU, GPU = TorchEngine(), TorchEngine("cuda")

WEIGHTS, BUFFERS = 1e-3, 1e-4
"""How far they may be apart after `STEPS` steps: a share of the way, and of their size.

Both devices compute in float32, and add in different orders. In simulations on the CPU a relative
error of 1e-6 of all weights in each step stays well within these, one of 5e-4, as TF32 has, or a
learning rate that is 1 % off does not. Longer trainings say less: a ReLU that switches makes small
differences large.
"""

STEPS = 8


class TrainedOnCpu(UntrainedPool):
    """Networks that the CPU has trained, whatever predicts with them."""

    def networks(self, indices, training):  # type: ignore[no-untyped-def]
        return NetworkPool(self.recipe, engine=CPU).networks(indices, training)


def images_for(recipe: Recipe, count: int) -> LabelledImages:
    """Digits that come with scikit-learn, since a GPU may be where no data sets are."""
    digits = load_digits()
    size = recipe.network.shape[-1]
    images = interpolate(digits.images[:count], size=size, mode="bilinear", align_corners=False)
    return LabelledImages(images, digits.labels[:count])


@pytest.mark.parametrize(
    "recipe", [STANDARD, *DIGITS.recipes], ids=lambda recipe: recipe.network.name
)
def test_networks_agree_as_they_begin_and_after_a_few_steps(recipe: Recipe) -> None:
    data = images_for(recipe, STEPS * recipe.batch_size - recipe.batch_size // 2)
    initial = [initial_network(recipe, number) for number in range(3)]
    for computed in ("logits", "features"):
        theirs, ours = (getattr(e.prepare(initial), computed)(data.images) for e in (CPU, GPU))
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    once = replace(recipe, epochs=1)
    trained = (train_networks(once, range(3), data, engine=engine) for engine in (CPU, GPU))
    for before, theirs, ours in zip(initial, *trained, strict=True):
        assert isinstance(theirs, TrainedNetwork)
        assert isinstance(ours, TrainedNetwork)
        way = weights(theirs.network) - weights(before)
        apart = weights(ours.network) - weights(theirs.network)
        assert apart.norm() <= WEIGHTS * way.norm()
        expected = buffers(theirs.network)
        assert (buffers(ours.network) - expected).norm() <= BUFFERS * expected.norm()


@pytest.mark.parametrize("name", METHODS)
def test_method_predicts_on_a_gpu_what_it_does_on_the_cpu(name: str) -> None:
    data = images_for(STANDARD, 700)
    fitted, held_out, test = (data.images[a:b] for a, b in ((0, 500), (500, 600), (600, 700)))
    once = replace(STANDARD, epochs=1)

    def predicted(engine: TorchEngine) -> Prediction:
        method = METHODS[name].build(TrainedOnCpu(once, engine=engine), size=4)
        method.fit(fitted, data.labels[:500]).calibrate(held_out, data.labels[500:600])
        return method.predict(test)

    theirs, ours = predicted(CPU), predicted(GPU)
    for values in ("mean", "expected_entropy"):
        torch.testing.assert_close(
            getattr(ours, values), getattr(theirs, values), atol=1e-4, rtol=0
        )
    assert ours.scores.keys() == theirs.scores.keys()
    for score, values in theirs.scores.items():
        torch.testing.assert_close(ours.scores[score], values, atol=1e-4, rtol=1e-3)
    # Rounding may turn a vote that was a tie.
    assert (ours.vote_share == theirs.vote_share).float().mean() > 0.99


def weights(network: Network) -> torch.Tensor:
    return parameters_to_vector(network.parameters()).detach().double()


def buffers(network: Network) -> torch.Tensor:
    return torch.cat([torch.empty(0), *(one.flatten() for one in network.buffers())]).double()
