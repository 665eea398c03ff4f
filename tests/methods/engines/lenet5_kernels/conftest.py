"""What the engine's tests share: the networks that the kernels compute."""

from __future__ import annotations

import pytest

from methods.networks.architectures import KERNEL_NETWORKS, LeNet5


@pytest.fixture(scope="session", params=KERNEL_NETWORKS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[LeNet5]:
    """Each of the networks that the kernels compute."""
    return request.param
