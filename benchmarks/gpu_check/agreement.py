"""How far a device's numbers are from the CPU's, on random images: no data set is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from methods.engines.base import Engine
from methods.engines.torch import TorchEngine
from methods.networks.labelled_images import LabelledImages
from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.networks.training import TrainedNetwork, initial_network, train_networks
from methods.seeds import derive_seed

LOGITS_TOLERANCE, WEIGHTS_TOLERANCE, BUFFERS_TOLERANCE = 1e-4, 1e-3, 1e-4
"""The largest differences that rounding explains.

Both engines compute in float32, and add in different orders. In simulations of `STEPS` steps on the
CPU, a relative error of 1e-6 of all weights in each step moves the weights of either task's network
by at most 1.1e-4 of their way, and the buffers by 4e-7; one of 5e-4, as TF32 has, by 2.3e-2 and
2.6e-4; a learning rate that is 1 % off by 9e-3 and 5e-4. Longer trainings say less: a ReLU that
switches makes small differences large.
"""

NETWORKS, PASSES, IMAGES, STEPS = 3, 100, 512, 8


@dataclass(frozen=True)
class Agreement:
    """The largest difference between two engines' numbers.

    Attributes:
        network: its architecture.
        what: of ``logits`` (each network alone), ``passes`` (logits with dropout on), ``features``,
            and after a short training ``weights`` and ``buffers``, such as BatchNorm's means.
        difference: the largest absolute one; of weights, of all networks the largest ratio of the
            difference's norm to that of the way that training went; of buffers to their own.
        tolerance: what rounding explains.
    """

    network: str
    what: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether rounding explains the difference; a NaN is explained by nothing."""
        return self.difference <= self.tolerance


def agreement(recipe: Recipe, engine: Engine, reference: Engine | None = None) -> list[Agreement]:
    """Compare an engine with another one, by default with PyTorch on the CPU.

    The same networks predict the same random images, and are trained on others for a few steps.
    """
    engines = engine, reference or TorchEngine("cpu")
    networks = [initial_network(recipe, number) for number in range(NETWORKS)]
    images = random_images(recipe, IMAGES).images
    done = [
        _absolute(recipe, "logits", *(e.prepare(networks).logits(images) for e in engines)),
        _absolute(recipe, "features", *(e.prepare(networks).features(images) for e in engines)),
    ]
    if recipe.dropout and networks[0].channels:
        passes = networks[0].passes(seed=0, replicate=0, count=PASSES)
        logits = (e.pass_logits(networks[0], images, passes) for e in engines)
        done.append(_absolute(recipe, "passes", *logits))
    trained, expected = (_trained(recipe, e) for e in engines)
    return [*done, *_of_training(recipe, networks, trained, expected)]


def random_images(recipe: Recipe, count: int) -> LabelledImages:
    """Random images, of which each class is brighter in rows of its own: so there is a gradient."""
    generator = torch.Generator().manual_seed(derive_seed("gpu check", count))
    images = torch.rand(count, *recipe.network.shape, generator=generator)
    classes = initial_network(recipe, 0).head.out_features
    labels = torch.arange(count) % classes
    rows = torch.arange(recipe.network.shape[-2]) % classes
    brighter = (rows[None, :] == labels[:, None])[:, None, :, None]
    return LabelledImages(images * torch.where(brighter, 1.0, 0.5), labels)


def _absolute(recipe: Recipe, what: str, one: Tensor, other: Tensor) -> Agreement:
    difference = float((one.double() - other.double()).abs().max())
    return Agreement(recipe.network.name, what, difference, LOGITS_TOLERANCE)


def _trained(recipe: Recipe, engine: Engine) -> list[Network]:
    """Networks after `STEPS` steps, the last one of half a batch; none if a training diverged."""
    training = random_images(recipe, STEPS * recipe.batch_size - recipe.batch_size // 2)
    once = replace(recipe, epochs=1)
    outcomes = train_networks(once, range(NETWORKS), training, engine=engine)
    networks = [one.network for one in outcomes if isinstance(one, TrainedNetwork)]
    return networks if len(networks) == NETWORKS else []


def _of_training(
    recipe: Recipe, initial: list[Network], trained: list[Network], expected: list[Network]
) -> list[Agreement]:
    """How far weights and buffers, if there are any, are from those expected."""
    weights, buffers = [], []
    for before, now, right in zip(initial, trained, expected, strict=bool(trained and expected)):
        way = _weights(right) - _weights(before)
        weights.append(_relative(_weights(now) - _weights(right), way))
        buffers.append(_relative(_buffers(now) - _buffers(right), _buffers(right)))
    done = [("weights", weights, WEIGHTS_TOLERANCE), ("buffers", buffers, BUFFERS_TOLERANCE)]
    return [
        Agreement(recipe.network.name, what, max(values, default=math.nan), tolerance)
        for what, values, tolerance in done
        if what == "weights" or len(_buffers(initial[0]))
    ]


def _relative(difference: Tensor, whole: Tensor) -> float:
    return float(difference.norm() / whole.norm())


def _weights(network: Network) -> Tensor:
    return parameters_to_vector(network.parameters()).detach().double()


def _buffers(network: Network) -> Tensor:
    return torch.cat([torch.empty(0), *(one.flatten() for one in network.buffers())]).double()
