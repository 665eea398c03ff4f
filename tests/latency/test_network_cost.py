"""The costs written down by hand, against a library's count."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.latency.network_cost import network_cost
from methods.deep_ensemble import DeepEnsemble
from methods.mc_dropout import MCDropout
from methods.mc_dropout_exact import MCDropoutExact
from methods.networks.lenet5 import LeNet5
from methods.softmax import Softmax


def counted(passes: int | None = None) -> int:
    """Multiply-adds of one image; the library counts a multiplication and an addition apart."""
    network, images = LeNet5(), torch.rand(1, 1, 28, 28)
    with FlopCounterMode(display=False) as counter:
        maps = network.first_maps(images)
        for _ in range(passes or 1):
            network.classify(maps, torch.ones(1, 22, dtype=torch.bool) if passes else None)
    return counter.get_total_flops() // 2


def test_a_network() -> None:
    found = network_cost(Softmax())
    assert found is not None
    parameters = list(LeNet5().parameters())
    assert found.parameters == sum(parameter.numel() for parameter in parameters)
    assert found.weight_bytes == sum(p.numel() * p.element_size() for p in parameters)
    assert found.multiply_adds == counted() == 416_520


@pytest.mark.parametrize("members", [1, 50])
def test_an_ensemble_is_so_many_networks(members: int) -> None:
    one, all_ = network_cost(Softmax()), network_cost(DeepEnsemble(members=members, replicate=3))
    assert one is not None
    assert all_ == tuple(members * number for number in one)


@pytest.mark.parametrize("passes", [1, 7])
def test_passes_share_the_first_convolution(passes: int) -> None:
    one, all_ = network_cost(Softmax()), network_cost(MCDropout(passes=passes))
    assert one is not None
    assert all_ is not None
    assert all_.multiply_adds == counted(passes)
    assert (all_.parameters, all_.weight_bytes) == (one.parameters, one.weight_bytes)


def test_what_was_not_counted_by_hand_has_no_figure() -> None:
    assert network_cost(MCDropoutExact()) is None


def test_subclass_may_ask_its_networks_in_another_way() -> None:
    class AskedTenTimes(Softmax):
        name = "asked_ten_times"

    assert network_cost(AskedTenTimes()) is None
