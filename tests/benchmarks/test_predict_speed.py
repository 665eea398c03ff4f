"""Each method's `predict`: by the engines, and as a plain loop over its members.

Exact MC-dropout has one engine only, whose speed is measured with that of the others' kernels.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from methods import METHODS, Prediction
from methods.engines.base import Engine
from methods.engines.numba import NumbaEngine
from methods.engines.torch import TorchEngine
from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5
from methods.networks.masks import pass_masks
from methods.networks.pool import NetworkPool
from methods.networks.training import initial_network

SIZES = {"softmax": None, "mc_dropout": 100, "deep_ensemble": 50}

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
DEVICES = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])

Measure = Callable[..., None]


class AtOnce(TorchEngine):
    """Stacks an ensemble's networks on the CPU too, where the engine asks one by one."""

    @property
    def together(self) -> bool:
        return True


ENGINES = [
    pytest.param(NumbaEngine(), id="numba"),
    pytest.param(TorchEngine(), id="torch"),
    pytest.param(AtOnce(), id="torch-at-once"),
    pytest.param(TorchEngine("cuda"), id="torch-cuda", marks=CUDA),
]


class Untrained(NetworkPool):
    """Networks as they are before their first step: no speed depends on the weights."""

    def networks(self, indices: range, training: LabelledImages) -> list[LeNet5]:
        return [initial_network(self.recipe, index) for index in indices]


@pytest.mark.parametrize("images", [1, 500])
@pytest.mark.parametrize("name", SIZES)
class TestPredict:
    @DEVICES
    def test_loop(self, name: str, images: int, device: str, measure: Measure) -> None:
        members = SIZES[name] or 1
        networks = [initial_network(Untrained().recipe, i).to(device) for i in range(members)]
        masks = pass_masks(0, 0, members, networks[0].dropout).to(device)
        asked = random_images(images)

        @torch.inference_mode()
        def work() -> Prediction:
            there = asked.to(device)
            if name == "mc_dropout":
                logits = [networks[0](there, mask[None]) for mask in masks]
            else:
                logits = [network(there) for network in networks]
            return Prediction.of_logits(torch.stack(logits).cpu())

        measure(work, group=group(name, images), images=images, members=members)

    @pytest.mark.parametrize("engine", ENGINES)
    def test_engine(self, name: str, images: int, engine: Engine, measure: Measure) -> None:
        if isinstance(engine, AtOnce) and name != "deep_ensemble":
            pytest.skip("there are no networks to stack")
        asked = random_images(images)
        method = METHODS[name].build(Untrained(engine=engine), size=SIZES[name])
        method.fit(asked, torch.zeros(images, dtype=torch.int64))
        measure(lambda: method.predict(asked), group=group(name, images), rounds=5, images=images)


def group(name: str, images: int) -> str:
    members = "" if SIZES[name] is None else f", {SIZES[name]} members"
    return f"predict of {name}{members}, {images} image(s)"


def random_images(count: int) -> Tensor:
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))
