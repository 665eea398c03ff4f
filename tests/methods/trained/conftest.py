"""What tests of methods that train themselves share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from methods.networks.pool import NetworkPool
from methods.networks.recipes import WELL_TRAINED, LabelledImages
from methods.networks.training import initial_network
from methods.trained.base import MemberNetwork, TrainedMethod

SHORT = replace(WELL_TRAINED, name="short", epochs=12)


def retuned(method: type[TrainedMethod], settings: Mapping[str, float]) -> type[TrainedMethod]:
    """The method with other settings."""
    changed = {**settings, "__module__": method.__module__}
    return cast(type[TrainedMethod], type(method.__name__, (method,), changed))


def random(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def begun(method: type[TrainedMethod], **given: Any) -> MemberNetwork:
    """A method's network before its first step, made of LeNet-5 with ReLU."""
    own = method(pool=NetworkPool(SHORT), **given)
    return own.begin(initial_network(SHORT, 0), random(1)).eval()


@pytest.fixture(scope="session")
def shades() -> LabelledImages:
    """Images of three classes that are told apart by how bright they are."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (384,), generator=random)
    brightness = (labels[:, None, None, None] + 0.5) / 3
    return LabelledImages(brightness * torch.rand(384, 1, 28, 28, generator=random), labels)


def lenet(layers: Sequence[nn.Module], images: Tensor) -> Tensor:
    """The logits of LeNet-5 with ReLU whose five layers are these, written out."""

    def pooled(maps: Tensor) -> Tensor:
        return nn.functional.max_pool2d(maps.relu(), 2)

    first, second, *linear, last = layers
    pixels = nn.functional.interpolate(images, size=32, mode="bilinear")
    features = pooled(second(pooled(first((pixels - 0.1307) / 0.3081)))).flatten(1)
    for layer in linear:
        features = layer(features).relu()
    logits: Tensor = last(features)
    return logits
