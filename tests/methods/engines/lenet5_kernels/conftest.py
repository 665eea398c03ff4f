"""What the engine's tests share: something to learn, and a network that has learned it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from methods.engines.lenet5_kernels import TrainingState, train_epoch
from methods.networks.architectures import KERNEL_NETWORKS, LeNet5
from tests.methods.engines.lenet5_kernels.support import prepared, random_network


@pytest.fixture(scope="session", params=KERNEL_NETWORKS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[LeNet5]:
    """Each of the networks that the kernels compute."""
    return request.param


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images and labels: ten blurred random drawings, each seen many times under noise."""
    generator = torch.Generator().manual_seed(0)
    drawings = interpolate(torch.rand(10, 1, 7, 7, generator=generator), size=28, mode="bilinear")
    labels = torch.randint(10, (600,), generator=generator)
    noise = torch.rand(600, 28, 28, generator=generator)
    return (0.5 * drawings[labels, 0] + 0.5 * noise).numpy(), labels.numpy()


@pytest.fixture(scope="session")
def trained(digits: tuple[np.ndarray, np.ndarray], kind: type[LeNet5]) -> np.ndarray:
    """The parameters of a network that has seen the digits five times."""
    state = TrainingState.start(prepared(random_network(1, kind=kind)))
    random = np.random.default_rng(1)
    for _ in range(5):
        train_epoch(
            state,
            *digits,
            random.permutation(600),
            random.random((600, sum(kind.channels))) < 0.5,
            loss="logits",
            batch_size=64,
            learning_rate=1e-3,
        )
    return state.parameters
