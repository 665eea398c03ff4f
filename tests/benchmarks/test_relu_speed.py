"""LeNet-5 with ReLU and max pooling: the kernels compared with PyTorch, and with their tanh."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.engines.lenet5_kernels import (
    TrainingState,
    enumerate_subnetworks,
    logits,
    sample_logits,
    train_epoch,
)
from methods.networks.lenet5 import KERNEL_NETWORKS, LeNet5, LeNet5ReLU
from tests.benchmarks.test_engine_speed import (
    IMAGES,
    LABELS,
    NORMALISATION,
    masks,
    network,
    prepared,
    train_in_torch,
    vector,
)

Measure = Callable[..., None]
ENGINES = pytest.mark.parametrize("kind", [LeNet5ReLU, LeNet5], ids=lambda kind: kind.name)


@pytest.mark.benchmark(group="ReLU: training, one epoch of 3,000 images")
class TestTraining:
    def test_in_memory(self, measure: Measure) -> None:
        images, labels = torch.from_numpy(IMAGES)[:, None], torch.from_numpy(LABELS)

        def work() -> None:
            parts = torch.randperm(3000).split(64)
            train_in_torch(network(kind=LeNet5ReLU), ((images[p], labels[p]) for p in parts))

        measure(work, images=3000)

    @ENGINES
    def test_engine(self, kind: type[LeNet5], measure: Measure) -> None:
        def work() -> None:
            train_epoch(
                TrainingState.start(vector(network(kind=kind))),
                IMAGES,
                LABELS,
                np.random.default_rng(0).permutation(3000),
                masks(3000),
                **NORMALISATION,
                loss="logits",
                dropout=0.5,
                batch_size=64,
                learning_rate=1e-3,
                relu=KERNEL_NETWORKS[kind],
            )

        measure(work, rounds=10, images=3000)


@pytest.mark.benchmark(group="ReLU: MC-dropout, 100 passes over 500 images")
class TestSample:
    def test_first_maps_once(self, measure: Measure) -> None:
        model, images = network(kind=LeNet5ReLU), torch.from_numpy(IMAGES[:500, None])

        @torch.inference_mode()
        def work() -> Tensor:
            maps = model.shared(images)
            keep_mask = torch.from_numpy(masks(100))
            return torch.stack([model.rest(maps, mask[None]) for mask in keep_mask])

        measure(work, images=500, passes=100)

    @ENGINES
    def test_engine(self, kind: type[LeNet5], measure: Measure) -> None:
        ours, keep_mask = prepared(network(kind=kind)), masks(100)
        measure(
            lambda: sample_logits(ours, IMAGES[:500], keep_mask), rounds=10, images=500, passes=100
        )


@pytest.mark.benchmark(group="ReLU: sub-networks of one image (PyTorch: one in 1,024 of them)")
class TestEnumeration:
    def test_masks_as_a_batch(self, measure: Measure) -> None:
        model, image = network(kind=LeNet5ReLU), torch.from_numpy(IMAGES[:1, None])

        @torch.inference_mode()
        def work() -> Tensor:
            maps = model.shared(image).expand(2**12, -1, -1, -1)
            return model.rest(maps, torch.from_numpy(masks(2**12)))

        measure(work, subnetworks=2**12)

    @ENGINES
    def test_engine(self, kind: type[LeNet5], measure: Measure) -> None:
        ours = prepared(network(kind=kind))
        measure(lambda: enumerate_subnetworks(ours, IMAGES[:1]), subnetworks=2**22)


@pytest.mark.benchmark(group="ReLU: 10 networks on 1,000 images, dropout off")
class TestPrediction:
    def test_loop(self, measure: Measure) -> None:
        models = [network(seed, LeNet5ReLU) for seed in range(10)]
        batches = torch.from_numpy(IMAGES[:1000, None]).split(500)

        @torch.inference_mode()
        def work() -> Tensor:
            return torch.stack([torch.cat([model(each) for each in batches]) for model in models])

        measure(work, images=1000, networks=10)

    @ENGINES
    def test_engine(self, kind: type[LeNet5], measure: Measure) -> None:
        networks = [prepared(network(seed, kind)) for seed in range(10)]
        measure(
            lambda: [logits(each, IMAGES[:1000]) for each in networks], images=1000, networks=10
        )
