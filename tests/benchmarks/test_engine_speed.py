"""The kernels of the networks compared with the best PyTorch, work by work, beside the core's peak.

PyTorch's side is written out here, so that it stays as it is: images are resized and normalised
once, channels lie side by side, five networks are trained as one of grouped convolutions, and
prediction is compiled with its weights frozen (which needs a C++ compiler, and takes a minute).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, interpolate, max_pool2d
from torch.nn.utils import parameters_to_vector

from methods.engines.lenet5_kernels import (
    KernelNetwork,
    TrainingState,
    logits_and_features,
    sample_logits,
    train_epoch,
)
from methods.engines.torch import TorchEngine
from methods.networks.architectures import LeNet5, LeNet5ReLU, LeNet5Units
from methods.networks.recipes import WELL_TRAINED, LabelledImages

NORMALISATION = {"mean": 0.1307, "std": 0.3081}
COUNT, FEW, NETWORKS, PASSES = 3072, 512, 5, 100
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((COUNT, 28, 28), dtype=np.float32)
LABELS = RANDOM.integers(0, 10, COUNT)

Measure = Callable[..., None]


def network(kind: type[LeNet5] = LeNet5ReLU) -> LeNet5:
    return kind(generator=torch.Generator().manual_seed(0))


def prepared(**options: bool | float) -> KernelNetwork:
    vector = parameters_to_vector(network().parameters()).detach().numpy()
    return KernelNetwork.from_vector(vector, **NORMALISATION, **options)


def pixels() -> Tensor:
    resized = interpolate(torch.from_numpy(IMAGES)[:, None], size=32, mode="bilinear")
    normalised = (resized - NORMALISATION["mean"]) / NORMALISATION["std"]
    return normalised.to(memory_format=torch.channels_last)


class ForPixels(LeNet5):
    """The network for images that are resized and normalised already."""

    def shared(self, images: Tensor) -> Tensor:
        return self.pool(self.conv1(images))


class ReLUForPixels(ForPixels, LeNet5ReLU):
    pass


class Grouped(nn.Module):
    """Five networks in one: their convolutions are groups, their linear layers a batch."""

    def __init__(self) -> None:
        super().__init__()
        every = [*network().parameters()]
        self.convolutions = nn.ParameterList(
            torch.cat([own.detach()] * NETWORKS) for own in every[:4]
        )
        self.linears = nn.ParameterList(torch.stack([own.detach()] * NETWORKS) for own in every[4:])

    def forward(self, images: Tensor) -> Tensor:
        first, bias, second, second_bias = self.convolutions
        maps = max_pool2d(conv2d(images, first, bias), 2).relu()
        maps = max_pool2d(conv2d(maps, second, second_bias, groups=NETWORKS), 2).relu()
        outputs = maps.reshape(len(images), NETWORKS, -1).transpose(0, 1)
        for i in range(0, 6, 2):
            weight, bias = self.linears[i], self.linears[i + 1]
            outputs = torch.baddbmm(bias[:, None], outputs, weight.transpose(1, 2))
            outputs = outputs.relu() if i < 4 else outputs
        return outputs


@pytest.fixture(params=["plain", "compiled"])
def compiled(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[nn.Module], Callable[[Tensor], Tensor]]]:
    """Makes a network ready for prediction."""
    if request.param == "plain":
        return lambda module: module
    if not shutil.which("g++"):
        pytest.skip("there is no C++ compiler")
    monkeypatch.setattr("torch._inductor.config.freezing", True)
    return torch.compile


@pytest.mark.benchmark(group="peak: a product of two matrices of 1,024 x 1,024")
def test_peak(measure: Measure) -> None:
    matrix = torch.rand(1024, 1024)
    measure(lambda: matrix @ matrix, rounds=20, multiply_adds=1024**3)


@pytest.mark.benchmark(group="training, one epoch")
class TestTraining:
    def test_torch(self, measure: Measure) -> None:
        images, labels, grouped = pixels(), torch.from_numpy(LABELS), Grouped()
        grouped.to(memory_format=torch.channels_last)
        options = {"momentum": 0.9, "weight_decay": 1e-3, "fused": True}
        optimiser = torch.optim.SGD(grouped.parameters(), lr=0.03, **options)

        def work() -> None:
            for batch in torch.randperm(COUNT).split(64):
                outputs = grouped(images[batch])
                optimiser.zero_grad()
                every = labels[batch].repeat(NETWORKS)
                (NETWORKS * cross_entropy(outputs.flatten(0, 1), every)).backward()
                optimiser.step()

        measure(work, images=COUNT * NETWORKS)

    def test_torch_engine(self, measure: Measure) -> None:
        data = LabelledImages(torch.from_numpy(IMAGES)[:, None], torch.from_numpy(LABELS))
        trainer = TorchEngine().trainer([network()], WELL_TRAINED, data)
        masks = torch.ones(1, COUNT, 22, dtype=torch.bool)
        measure(lambda: trainer.epoch(torch.randperm(COUNT)[None], masks), images=COUNT)

    def test_engine(self, measure: Measure) -> None:
        order = np.random.default_rng(0).permutation(COUNT)

        def work() -> None:
            state = TrainingState.start(prepared(relu=True))
            options = {"optimiser": "sgd", "momentum": 0.9, "l2_penalty": 1e-3}
            options |= {"loss": "logits", "batch_size": 64, "learning_rate": 0.03}
            train_epoch(state, IMAGES, LABELS, order, None, **options)

        measure(work, rounds=10, images=COUNT)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what compiles
@pytest.mark.benchmark(group="prediction, dropout off")
class TestPrediction:
    def test_torch(self, measure: Measure, compiled: Callable[..., Callable[..., Tensor]]) -> None:
        model = network(ReLUForPixels).eval().to(memory_format=torch.channels_last)
        forward, batches = compiled(model), pixels().split(FEW)

        @torch.no_grad()
        def work() -> Tensor:
            return torch.cat([forward(batch) for batch in batches])

        measure(work, rounds=5, images=COUNT)

    def test_engine(self, measure: Measure) -> None:
        ours = prepared(relu=True)
        measure(lambda: logits_and_features(ours, IMAGES), rounds=10, images=COUNT)


class Passes(nn.Module):
    """All passes of the article's dropout, by what they share: the first maps."""

    def __init__(self, masks: Tensor) -> None:
        super().__init__()
        self.network, self.masks = network(ForPixels).eval(), masks

    def forward(self, images: Tensor) -> Tensor:
        shared = self.network.shared(images)
        return torch.stack([self.network.rest(shared, mask[None]) for mask in self.masks])


@pytest.mark.benchmark(group="MC-dropout, 100 passes, channels dropped")
class TestPassesOfChannels:
    masks = RANDOM.random((PASSES, 22)) < 0.5

    def test_torch(self, measure: Measure) -> None:
        passes = Passes(torch.from_numpy(self.masks)).to(memory_format=torch.channels_last)
        batches = pixels()[:FEW].split(128)

        @torch.inference_mode()
        def work() -> list[Tensor]:
            return [passes(batch) for batch in batches]

        measure(work, images=FEW, passes=PASSES)

    def test_engine(self, measure: Measure) -> None:
        ours, amount = prepared(dropout=0.5), {"images": FEW, "passes": PASSES}
        measure(lambda: sample_logits(ours, IMAGES[:FEW], self.masks), rounds=10, **amount)


@pytest.mark.benchmark(group="MC-dropout, 100 passes, linear units dropped")
class TestPassesOfUnits:
    masks = RANDOM.random((PASSES, 204)) < 0.9

    def test_torch_engine(self, measure: Measure) -> None:
        kind = LeNet5Units(dropout=0.1, generator=torch.Generator().manual_seed(0))
        images, masks = torch.from_numpy(IMAGES)[:FEW, None], torch.from_numpy(self.masks)
        networks = TorchEngine().prepare([kind])
        measure(lambda: networks.pass_logits(images, masks), images=FEW, passes=PASSES)

    def test_engine(self, measure: Measure) -> None:
        ours = prepared(dropout=0.1, units=True, relu=True)
        amount = {"images": FEW, "passes": PASSES}
        measure(lambda: sample_logits(ours, IMAGES[:FEW], self.masks), rounds=10, **amount)
