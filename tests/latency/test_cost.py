"""What methods cost, and peak memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.latency.cost import NetworkCost, network_cost, peak_memory
from methods import IVON, ShallowEnsemble, UncertaintyMethod
from methods.deep_ensemble import DeepEnsemble
from methods.mc_dropout import MCDropout, MCDropoutEnsemble
from methods.networks.architectures import LeNet5
from methods.networks.pool import UntrainedPool
from methods.posthoc.augmentation import Augmentation
from methods.posthoc.laplace import LaplaceLastLayer
from methods.posthoc.swag import SWAG
from methods.softmax import Softmax

FIRST_CONVOLUTION = 28 * 28 * 6 * 25
REST = 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10

PARAMETERS = 6 * 25 + 6 + 16 * 6 * 25 + 16 + 401 * 120 + 121 * 84 + 85 * 10


def cost_of(method: UncertaintyMethod) -> NetworkCost:
    return network_cost(method.fit(torch.zeros(1, 1, 28, 28), torch.zeros(1, dtype=torch.int64)))


def test_a_network() -> None:
    cost = cost_of(Softmax(pool=UntrainedPool()))
    assert cost.parameters == sum(p.numel() for p in LeNet5().parameters()) == PARAMETERS
    assert cost.multiply_adds == FIRST_CONVOLUTION + REST == 416_520


def test_cost_is_that_of_all_evaluations() -> None:
    network, pool = cost_of(Softmax(pool=UntrainedPool())), UntrainedPool()
    drawn = SWAG(samples=4, pool=pool)
    for method, networks in ((DeepEnsemble(members=50, pool=pool), 50), (drawn, 4)):
        assert cost_of(method) == (networks * PARAMETERS, networks * 416_520)
    passes = cost_of(MCDropout(passes=7, pool=pool))  # which share the first convolution
    assert passes == network._replace(multiply_adds=FIRST_CONVOLUTION + 7 * REST)
    several = cost_of(MCDropoutEnsemble(members=5, pool=pool))  # 5 networks, 20 passes each
    assert several.multiply_adds == 5 * (FIRST_CONVOLUTION + 20 * REST)
    uneven = cost_of(MCDropoutEnsemble(members=3, pool=pool))  # of 34, 33 and 33 passes
    assert uneven.multiply_adds == 3 * FIRST_CONVOLUTION + 100 * REST
    moved = cost_of(Augmentation(views=9, pool=pool))
    assert moved == network._replace(multiply_adds=9 * 416_520)
    shallow = cost_of(ShallowEnsemble(members=3, pool=pool))  # two heads more, of one forward
    more = 2 * 84 * 10
    assert shallow == (PARAMETERS + more + 20, 416_520 + more)
    sampled = cost_of(IVON(members=3, pool=pool))
    assert sampled.multiply_adds == 3 * 416_520


def test_what_does_more_than_evaluate_its_networks_is_not_counted() -> None:
    images, labels = torch.rand(50, 1, 28, 28), torch.arange(50) % 10
    method = LaplaceLastLayer(pool=UntrainedPool()).fit(images, labels)
    assert network_cost(method) == (PARAMETERS, None)


MEASURABLE = peak_memory(lambda: None) is not None
on_linux = pytest.mark.skipif(not MEASURABLE, reason="needs Linux with the GNU C library")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def touch(megabytes: float) -> None:
    np.ones(round(megabytes * 1e6), dtype=np.uint8)


@on_linux
@pytest.mark.parametrize("megabytes", [20, 200])
def test_known_block_is_measured(megabytes: int) -> None:
    peak = peak_memory(lambda: touch(megabytes))
    assert peak == pytest.approx(megabytes, rel=0.03, abs=3)
    assert peak_memory(lambda: None) == pytest.approx(0, abs=1)


@pytest.mark.cuda
@needs_cuda
def test_known_block_on_the_device_is_measured() -> None:
    peak = peak_memory(lambda: torch.ones(50_000_000, device="cuda"), device="cuda")
    assert peak == pytest.approx(200, rel=0.02)
