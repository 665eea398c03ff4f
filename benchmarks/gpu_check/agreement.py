"""How far a device's numbers are from the CPU's, on random images: no data set is needed."""

from __future__ import annotations

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

LOGITS_TOLERANCE, WEIGHTS_TOLERANCE = 1e-4, 5e-3
"""The largest differences of logits, and of weights after training, that rounding explains.

Both engines compute in float32, and add in different orders. The differences of single steps add
up in training: Adam divides each by the size of its gradients, however small these are.
"""

NETWORKS, PASSES, IMAGES, TRAINING_IMAGES = 3, 100, 512, 2_048


@dataclass(frozen=True)
class Agreement:
    """The largest absolute difference between two engines' numbers.

    Attributes:
        recipe: of the networks.
        what: of ``logits`` (each network alone), ``passes`` (logits with dropout on), ``features``
            and ``weights`` (after an epoch).
        difference: the largest absolute one.
        tolerance: what rounding explains.
    """

    recipe: str
    what: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether rounding explains the difference; a NaN is explained by nothing."""
        return self.difference <= self.tolerance


def agreement(recipe: Recipe, engine: Engine, reference: Engine | None = None) -> list[Agreement]:
    """Compare an engine with another one, by default with PyTorch on the CPU.

    The same networks predict the same random images, and are trained on others for one epoch.
    """
    engines = engine, reference or TorchEngine("cpu")
    networks = [initial_network(recipe, number) for number in range(NETWORKS)]
    images = random_images(recipe, IMAGES).images
    done = [
        _compared(recipe, "logits", [e.prepare(networks).logits(images) for e in engines]),
        _compared(recipe, "features", [e.prepare(networks).features(images) for e in engines]),
    ]
    if recipe.dropout and networks[0].channels:
        passes = networks[0].passes(seed=0, replicate=0, count=PASSES)
        logits = [e.pass_logits(networks[0], images, passes) for e in engines]
        done.append(_compared(recipe, "passes", logits))
    weights = [_trained(recipe, e) for e in engines]
    return [*done, _compared(recipe, "weights", weights, WEIGHTS_TOLERANCE)]


def random_images(recipe: Recipe, count: int) -> LabelledImages:
    """Random images, of which each class is brighter in rows of its own: so there is a gradient."""
    generator = torch.Generator().manual_seed(derive_seed("gpu check", count))
    images = torch.rand(count, *recipe.network.shape, generator=generator)
    classes = initial_network(recipe, 0).head.out_features
    labels = torch.arange(count) % classes
    rows = torch.arange(recipe.network.shape[-2]) % classes
    brighter = (rows[None, :] == labels[:, None])[:, None, :, None]
    return LabelledImages(images * torch.where(brighter, 1.0, 0.5), labels)


def _trained(recipe: Recipe, engine: Engine) -> Tensor:
    once, training = replace(recipe, epochs=1), random_images(recipe, TRAINING_IMAGES)
    outcomes = train_networks(once, range(NETWORKS), training, engine=engine)
    return torch.stack([_weights(outcome) for outcome in outcomes])


def _weights(outcome: TrainedNetwork | Exception) -> Tensor:
    """All parameters; NaN where the training diverged."""
    if not isinstance(outcome, TrainedNetwork):
        return torch.tensor([torch.nan])
    network: Network = outcome.network
    return parameters_to_vector(network.parameters()).detach()


def _compared(
    recipe: Recipe, what: str, numbers: list[Tensor], tolerance: float = LOGITS_TOLERANCE
) -> Agreement:
    one, other = numbers
    difference = float((one.double() - other.double()).abs().max())
    return Agreement(recipe.name, what, difference, tolerance)
