"""A small run of the task digits, and a user's own network, for all tests of the interface."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from benchmarks.api import BenchmarkResults, run_benchmark

CHOICES = {
    "methods": ["softmax", "mc_dropout", "deep_ensemble"],
    "conditions": ["clean", "rotated-*", "ood-uniform_noise"],
    "epochs": 1,
    "members": [1, 2],
    "passes": [5],
    "replicates": 2,
    "pool": 3,
    "images": 100,
    "resamples": 100,
    "engine": "torch",
    "jobs": 1,
}


class Kept(NamedTuple):
    """A run that was kept, and where."""

    results: BenchmarkResults
    folder: Path
    networks: Path


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("kept")
    out, networks = folder / "out", folder / "networks"
    return Kept(run_benchmark("digits", out=out, networks=networks, **CHOICES), out, networks)


class Own(NamedTuple):
    """A network, and points of 3 classes in 5 dimensions."""

    module: nn.Module
    points: Tensor
    labels: Tensor


@pytest.fixture(scope="session")
def own() -> Own:
    """Some points are predicted wrongly."""
    random = torch.Generator().manual_seed(0)
    centres = 2 * torch.eye(3, 5)
    labels = torch.randint(3, (300,), generator=random)
    points = centres[labels] + torch.randn(300, 5, generator=random)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(50):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(points), labels).backward()
        optimiser.step()
    return Own(module, points, labels)
