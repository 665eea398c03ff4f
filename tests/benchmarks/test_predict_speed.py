"""Each method's `predict`: by the engines, and as a plain loop over its members.

Exact MC-dropout has one engine only, whose speed is measured with that of the others' kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from methods import METHODS, Prediction
from methods.engines.base import Engine
from methods.engines.numba import NumbaEngine
from methods.engines.torch import TorchEngine
from methods.networks.lenet5 import LeNet5
from methods.networks.masks import pass_masks
from methods.networks.pool import UntrainedPool
from methods.networks.recipes import STANDARD
from methods.networks.training import initial_network

SIZES = {"softmax": None, "mc_dropout": 100, "deep_ensemble": 50}

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
DEVICES = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])

Measure = Callable[..., None]


class Batched(TorchEngine):
    """Stacks an ensemble's networks on the CPU too, where the engine takes one after the other."""

    @property
    def trains_batched(self) -> bool:
        return True


ENGINES = [
    pytest.param(NumbaEngine(), id="numba"),
    pytest.param(TorchEngine(), id="torch"),
    pytest.param(Batched(), id="torch-batched"),
    pytest.param(TorchEngine("cuda"), id="torch-cuda", marks=CUDA),
]


@pytest.mark.parametrize("images", [1, 500])
@pytest.mark.parametrize("name", SIZES)
class TestPredict:
    @DEVICES
    def test_loop(self, name: str, images: int, device: str, measure: Measure) -> None:
        members = SIZES[name] or 1
        networks = [initial_network(STANDARD, i).to(device) for i in range(members)]
        masks = pass_masks(0, 0, members, LeNet5.channels, networks[0].dropout).to(device)
        tested = random_images(images)

        @torch.inference_mode()
        def work() -> Prediction:
            batch = tested.to(device)
            if name == "mc_dropout":
                logits = [networks[0](batch, mask[None]) for mask in masks]
            else:
                logits = [network(batch) for network in networks]
            return Prediction.of_logits(torch.stack(logits).cpu())

        measure(work, group=group(name, images), images=images, members=members)

    @pytest.mark.parametrize("engine", ENGINES)
    def test_engine(self, name: str, images: int, engine: Engine, measure: Measure) -> None:
        if isinstance(engine, Batched) and name != "deep_ensemble":
            pytest.skip("there are no networks to stack")
        tested = random_images(images)
        method = METHODS[name].build(UntrainedPool(engine=engine), size=SIZES[name])
        method.fit(tested, torch.zeros(images, dtype=torch.int64))
        measure(lambda: method.predict(tested), group=group(name, images), rounds=5, images=images)


@pytest.mark.parametrize("engine", ENGINES)
class TestPreparation:
    """What `fit` saves each `predict` of a deep ensemble."""

    NETWORKS = tuple(initial_network(STANDARD, index) for index in range(50))

    def test_at_each_call(self, engine: Engine, measure: Measure) -> None:
        image = random_images(1)
        measure(lambda: engine.prepare(self.NETWORKS).logits(image), **preparation(engine))

    def test_once(self, engine: Engine, measure: Measure) -> None:
        image, prepared = random_images(1), engine.prepare(self.NETWORKS)
        measure(lambda: prepared.logits(image), **preparation(engine))


def preparation(engine: Engine) -> dict[str, Any]:
    group = f"50 networks on 1 image, {type(engine).__name__} on {engine.device}"
    return {"group": group, "rounds": 50, "images": 1, "networks": 50}


def group(name: str, images: int) -> str:
    members = "" if SIZES[name] is None else f", {SIZES[name]} members"
    return f"predict of {name}{members}, {images} image(s)"


def random_images(count: int) -> Tensor:
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))
