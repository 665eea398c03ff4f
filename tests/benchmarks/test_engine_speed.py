"""The kernels compared with the best plain PyTorch, work by work, beside the core's peak.

PyTorch's side is written out here, so that it stays as it is: images are resized and normalised
once, channels lie side by side, Adam is fused, batches have 64 images in training and 100 in
prediction, and the passes of MC-dropout share the first layer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate
from torch.nn.utils import parameters_to_vector

from methods.engines.lenet5_kernels import (
    KernelNetwork,
    TrainingState,
    logits_and_features,
    sample_logits,
    train_epoch,
)
from methods.engines.torch import TorchEngine
from methods.networks.architectures import LeNet5
from methods.networks.recipes import LabelledImages
from tests.training import PLAIN, STANDARD

NORMALISATION = {"mean": 0.1307, "std": 0.3081}
COUNT = 3072
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((COUNT, 28, 28), dtype=np.float32)
LABELS = RANDOM.integers(0, 10, COUNT)
MASKS = RANDOM.random((COUNT, 22)) < 0.5

Measure = Callable[..., None]


def network(kind: type[LeNet5] = LeNet5) -> LeNet5:
    return kind(generator=torch.Generator().manual_seed(0))


def prepared() -> KernelNetwork:
    vector = parameters_to_vector(network().parameters()).detach().numpy()
    return KernelNetwork.from_vector(vector, dropout=0.5, **NORMALISATION)


class ForPixels(LeNet5):
    """The network for images that are resized and normalised, channels last."""

    def shared(self, images: Tensor) -> Tensor:
        return avg_pool2d(torch.tanh(self.conv1(images)), 2)


def best() -> ForPixels:
    return network(ForPixels).to(memory_format=torch.channels_last)


def pixels() -> Tensor:
    resized = interpolate(torch.from_numpy(IMAGES)[:, None], size=32, mode="bilinear")
    normalised = (resized - NORMALISATION["mean"]) / NORMALISATION["std"]
    return normalised.to(memory_format=torch.channels_last)


@pytest.mark.benchmark(group="peak: a product of two matrices of 1,024 x 1,024")
def test_peak(measure: Measure) -> None:
    matrix = torch.rand(1024, 1024)
    measure(lambda: matrix @ matrix, rounds=20, multiply_adds=1024**3)


@pytest.mark.benchmark(group="training, one epoch")
@pytest.mark.parametrize("dropout", [False, True], ids=["plain", "dropout"])
class TestTraining:
    def test_torch(self, measure: Measure, dropout: bool) -> None:
        images, labels = pixels(), torch.from_numpy(LABELS)
        keep_mask = torch.from_numpy(MASKS)

        def work() -> None:
            model = best()
            optimiser = torch.optim.Adam(model.parameters(), fused=True)
            parts = torch.arange(COUNT).split(64)
            for batch, part in zip(torch.randperm(COUNT).split(64), parts, strict=True):
                outputs = model(images[batch], keep_mask[part] if dropout else None)
                optimiser.zero_grad()
                cross_entropy(outputs, labels[batch]).backward()
                optimiser.step()

        measure(work, images=COUNT)

    def test_torch_engine(self, measure: Measure, dropout: bool) -> None:
        recipe = STANDARD if dropout else PLAIN
        data = LabelledImages(torch.from_numpy(IMAGES)[:, None], torch.from_numpy(LABELS))
        trainer = TorchEngine().trainer([network()], recipe, data)
        keep_mask = torch.from_numpy(MASKS)[None]
        measure(lambda: trainer.epoch(torch.randperm(COUNT)[None], keep_mask), images=COUNT)

    def test_engine(self, measure: Measure, dropout: bool) -> None:
        order, keep_mask = np.random.default_rng(0).permutation(COUNT), MASKS if dropout else None

        def work() -> None:
            options = {"loss": "logits", "batch_size": 64, "learning_rate": 1e-3}
            train_epoch(
                TrainingState.start(prepared()), IMAGES, LABELS, order, keep_mask, **options
            )

        measure(work, rounds=10, images=COUNT)


@pytest.mark.benchmark(group="prediction, dropout off")
class TestPrediction:
    def test_torch(self, measure: Measure) -> None:
        model, batches = best().eval(), pixels().split(100)

        @torch.inference_mode()
        def work() -> Tensor:
            return torch.cat([model(batch) for batch in batches])

        measure(work, rounds=5, images=COUNT)

    def test_engine(self, measure: Measure) -> None:
        ours = prepared()
        measure(lambda: logits_and_features(ours, IMAGES), rounds=10, images=COUNT)


@pytest.mark.benchmark(group="MC-dropout, 100 passes over 500 images")
class TestSample:
    def test_torch(self, measure: Measure) -> None:
        model, batches, masks = best().eval(), pixels()[:500].split(100), torch.from_numpy(MASKS)

        @torch.inference_mode()
        def work() -> list[Tensor]:
            shared = [model.shared(batch) for batch in batches]
            return [model.rest(maps, mask[None]) for maps in shared for mask in masks[:100]]

        measure(work, images=500, passes=100)

    def test_engine(self, measure: Measure) -> None:
        ours = prepared()
        work = {"rounds": 10, "images": 500, "passes": 100}
        measure(lambda: sample_logits(ours, IMAGES[:500], MASKS[:100]), **work)
