"""What methods cost, and peak memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.latency import cost as module
from benchmarks.latency.cost import NetworkCost, network_cost, peak_memory, state_bytes
from methods import UncertaintyMethod
from methods.deep_ensemble import DeepEnsemble
from methods.mc_dropout import MCDropout
from methods.mc_dropout_exact import MCDropoutExact
from methods.networks.lenet5 import LeNet5
from methods.networks.pool import UntrainedPool
from methods.posthoc.augmentation import Augmentation
from methods.posthoc.laplace import LaplaceLastLayer
from methods.posthoc.swag import SWAG
from methods.softmax import Softmax

FIRST_CONVOLUTION = 28 * 28 * 6 * 25
REST = 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10

PARAMETERS = 6 * 25 + 6 + 16 * 6 * 25 + 16 + 401 * 120 + 121 * 84 + 85 * 10


def cost_of(method: UncertaintyMethod) -> NetworkCost | None:
    return network_cost(method.fit(torch.zeros(1, 1, 28, 28), torch.zeros(1, dtype=torch.int64)))


def test_a_network() -> None:
    cost = cost_of(Softmax(pool=UntrainedPool()))
    assert cost is not None
    parameters = list(LeNet5().parameters())
    assert cost.parameters == sum(parameter.numel() for parameter in parameters) == PARAMETERS
    assert cost.weight_bytes == sum(p.numel() * p.element_size() for p in parameters)
    assert cost.multiply_adds == FIRST_CONVOLUTION + REST == 416_520


@pytest.mark.parametrize("members", [1, 50])
def test_an_ensemble_is_so_many_networks(members: int) -> None:
    one = cost_of(Softmax(pool=UntrainedPool()))
    assert one is not None
    ensemble = DeepEnsemble(members=members, replicate=3, pool=UntrainedPool())
    assert cost_of(ensemble) == tuple(members * number for number in one)


@pytest.mark.parametrize("passes", [1, 7])
def test_passes_share_the_first_convolution(passes: int) -> None:
    one = cost_of(Softmax(pool=UntrainedPool()))
    cost = cost_of(MCDropout(passes=passes, pool=UntrainedPool()))
    assert one is not None
    assert cost is not None
    assert cost.multiply_adds == FIRST_CONVOLUTION + passes * REST == 117_600 + passes * 298_920
    assert (cost.parameters, cost.weight_bytes) == (one.parameters, one.weight_bytes)


def test_exact_enumeration_has_no_cost_in_whole_networks() -> None:
    assert cost_of(MCDropoutExact(pool=UntrainedPool())) is None


def test_networks_drawn_and_images_moved_are_evaluated_once_each() -> None:
    one = cost_of(Softmax(pool=UntrainedPool()))
    assert one is not None
    assert cost_of(SWAG(samples=4, pool=UntrainedPool())) == tuple(4 * number for number in one)
    moved = cost_of(Augmentation(views=9, pool=UntrainedPool()))
    assert moved == one._replace(multiply_adds=9 * 416_520)


def test_state_is_what_is_held_beyond_the_networks() -> None:
    images, labels = torch.rand(50, 1, 28, 28), torch.arange(50) % 10
    method = LaplaceLastLayer(pool=UntrainedPool()).fit(images, labels)
    cost = network_cost(method)
    assert cost is not None
    assert (cost.parameters, cost.multiply_adds) == (PARAMETERS, None)
    # In float64: the blocks of the covariance, the last layer's weights, the eigenvalues of H.
    assert state_bytes(method) == 8 * (10 * 85 * 85 + 850 + 850)
    assert state_bytes(Softmax(pool=UntrainedPool()).fit(images, labels)) == 0


MEASURABLE = peak_memory(lambda: None).megabytes is not None
on_linux = pytest.mark.skipif(not MEASURABLE, reason="needs Linux with the GNU C library")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def touch(megabytes: float) -> None:
    np.ones(round(megabytes * 1e6), dtype=np.uint8)


def touch_small_blocks(megabytes: int) -> None:
    """Blocks that the C library takes from its own heap, and keeps when they are freed."""
    blocks = [np.ones(20_000, dtype=np.uint8) for _ in range(50 * megabytes)]
    blocks.clear()


@on_linux
@pytest.mark.parametrize("megabytes", [20, 200])
def test_known_block_is_measured(megabytes: int) -> None:
    peak = peak_memory(lambda: touch(megabytes)).megabytes
    assert peak == pytest.approx(megabytes, rel=0.03, abs=3)


@on_linux
def test_memory_that_was_used_before_counts_again() -> None:
    for _ in range(3):
        touch_small_blocks(60)
        peak = peak_memory(lambda: touch_small_blocks(60)).megabytes
        assert peak == pytest.approx(60, rel=0.05, abs=1)


@on_linux
def test_nothing_is_almost_nothing() -> None:
    touch(200)
    assert peak_memory(lambda: None).megabytes == pytest.approx(0, abs=1)


@on_linux
def test_what_is_resident_is_not_counted() -> None:
    held = np.ones(100_000_000, dtype=np.uint8)
    assert peak_memory(lambda: held.sum()).megabytes == pytest.approx(0, abs=2)


def test_machine_without_such_a_count_gets_no_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "CLEAR_REFS", tmp_path / "no" / "such" / "file")
    peak = peak_memory(lambda: None)
    assert peak.megabytes is None
    assert "Linux" in peak.reason


@pytest.mark.cuda
@needs_cuda
def test_known_block_on_the_device_is_measured() -> None:
    peak = peak_memory(lambda: torch.ones(50_000_000, device="cuda"), device="cuda").megabytes
    assert peak == pytest.approx(200, rel=0.02)
