"""The kernels compared with PyTorch, work by work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cross_entropy
from torch.nn.utils import parameters_to_vector
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from methods.engines.lenet5_kernels import (
    KernelNetwork,
    TrainingState,
    enumerate_subnetworks,
    logits_and_features,
    sample_logits,
    train_epoch,
)
from methods.networks.architectures import KERNEL_NETWORKS, LeNet5

NORMALISATION = {"mean": 0.1307, "std": 0.3081}
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (3000, 28, 28), dtype=np.uint8)
IMAGES = (PIXELS / 255).astype(np.float32)
LABELS = RANDOM.integers(0, 10, 3000)

Measure = Callable[..., None]


def network(seed: int = 0, kind: type[LeNet5] = LeNet5) -> LeNet5:
    return kind(generator=torch.Generator().manual_seed(seed))


def vector(network: LeNet5) -> np.ndarray:
    return parameters_to_vector(network.parameters()).detach().numpy()


def prepared(network: LeNet5) -> KernelNetwork:
    relu = KERNEL_NETWORKS[type(network)]
    return KernelNetwork.from_vector(vector(network), dropout=0.5, relu=relu, **NORMALISATION)


def masks(rows: int) -> np.ndarray:
    return np.random.default_rng(1).random((rows, 22)) < 0.5


class ImageByImage(Dataset[tuple[Tensor, int]]):
    """What a tutorial would write: every image is opened, resized and normalised each time."""

    transform = transforms.Compose(
        [
            transforms.ToPILImage(),
            transforms.Resize((32, 32)),
            transforms.ToTensor(),
            transforms.Normalize(*NORMALISATION.values()),
        ]
    )

    def __len__(self) -> int:
        return len(PIXELS)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(PIXELS[index]), int(LABELS[index])


class ForPreparedImages(LeNet5):
    """The network for images that the data loader has resized and normalised."""

    def shared(self, images: Tensor) -> Tensor:
        return avg_pool2d(torch.tanh(self.conv1(images)), 2)


def train_in_torch(model: LeNet5, batches: Iterator[tuple[Tensor, Tensor]]) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    for images, labels in batches:
        keep_mask = torch.rand(len(images), 22, generator=generator) < 0.5
        optimiser.zero_grad()
        cross_entropy(model(images, keep_mask), labels).backward()
        optimiser.step()


@pytest.mark.benchmark(group="training, one epoch of 3,000 images")
class TestTraining:
    def test_data_loader(self, measure: Measure) -> None:
        loader = DataLoader(ImageByImage(), batch_size=64, shuffle=True)
        measure(lambda: train_in_torch(ForPreparedImages(), iter(loader)), images=3000)

    def test_in_memory(self, measure: Measure) -> None:
        images, labels = torch.from_numpy(IMAGES)[:, None], torch.from_numpy(LABELS)

        def work() -> None:
            order = torch.randperm(3000)
            batches = ((images[part], labels[part]) for part in order.split(64))
            train_in_torch(network(), batches)

        measure(work, images=3000)

    def test_engine(self, measure: Measure) -> None:
        def work() -> None:
            train_epoch(
                TrainingState.start(prepared(network())),
                IMAGES,
                LABELS,
                np.random.default_rng(0).permutation(3000),
                masks(3000),
                loss="logits",
                batch_size=64,
                learning_rate=1e-3,
            )

        measure(work, rounds=10, images=3000)


@pytest.mark.benchmark(group="MC-dropout, 100 passes over 500 images")
class TestSample:
    def test_whole_passes(self, measure: Measure) -> None:
        model, images = network(), torch.from_numpy(IMAGES[:500, None])

        @torch.inference_mode()
        def work() -> Tensor:
            return torch.stack([model(images, mask[None]) for mask in torch.from_numpy(masks(100))])

        measure(work, images=500, passes=100)

    def test_first_maps_once(self, measure: Measure) -> None:
        model, images = network(), torch.from_numpy(IMAGES[:500, None])

        @torch.inference_mode()
        def work() -> Tensor:
            maps = model.shared(images)
            keep_mask = torch.from_numpy(masks(100))
            return torch.stack([model.rest(maps, mask[None]) for mask in keep_mask])

        measure(work, images=500, passes=100)

    def test_engine(self, measure: Measure) -> None:
        ours = prepared(network())
        measure(
            lambda: sample_logits(ours, IMAGES[:500], masks(100)),
            rounds=10,
            images=500,
            passes=100,
        )


@pytest.mark.benchmark(group="sub-networks of one image (PyTorch: one in 1,024 of them)")
class TestEnumeration:
    def test_masks_as_a_batch(self, measure: Measure) -> None:
        model, image = network(), torch.from_numpy(IMAGES[:1, None])

        @torch.inference_mode()
        def work() -> Tensor:
            maps = model.shared(image).expand(2**12, -1, -1, -1)
            return model.rest(maps, torch.from_numpy(masks(2**12)))

        measure(work, subnetworks=2**12)

    def test_engine(self, measure: Measure) -> None:
        ours = prepared(network())
        measure(lambda: enumerate_subnetworks(ours, IMAGES[:1]), subnetworks=2**22)


@pytest.mark.benchmark(group="50 networks on 1,000 images, dropout off")
class TestPrediction:
    def test_loop(self, measure: Measure) -> None:
        models = [network(seed) for seed in range(50)]
        batches = torch.from_numpy(IMAGES[:1000, None]).split(500)  # the fastest size here

        @torch.inference_mode()
        def work() -> Tensor:
            return torch.stack([torch.cat([model(each) for each in batches]) for model in models])

        measure(work, images=1000, networks=50)

    def test_engine(self, measure: Measure) -> None:
        networks = [prepared(network(seed)) for seed in range(50)]

        def work() -> list[np.ndarray]:
            return [logits_and_features(each, IMAGES[:1000])[0] for each in networks]

        measure(work, images=1000, networks=50)
