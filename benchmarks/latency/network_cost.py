"""What methods cost on any machine: parameters, multiply-adds, bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from methods import METHODS, MemberMethod, UncertaintyMethod


class NetworkCost(NamedTuple):
    """What a method holds, and what it computes for each image.

    Attributes:
        parameters: of all its networks.
        multiply_adds: per image.
        weight_bytes: of all its networks.
    """

    parameters: int
    multiply_adds: int
    weight_bytes: int


def network_cost(method: UncertaintyMethod) -> NetworkCost | None:
    """The cost of a fitted method; ``None`` for methods that do not evaluate whole networks.

    A multiply-add is one product in a sum, counted by PyTorch; activations, pooling, resizing and
    the softmax are not counted. LeNet-5 takes 416,520 per image, and M networks M times that. T
    passes of MC-dropout share its first convolution: 117,600 + T · 298,920; members of other
    methods evaluate whole networks. Engines compute fewer: kernels skip dropped channels, and share
    a part of the second convolution between passes.
    """
    # Not of custom methods: these may evaluate their networks as often as they like.
    if not isinstance(method, MemberMethod) or type(method) not in METHODS.values():
        return None
    passes = 1
    if method.size is not None and not method.counts_networks:
        passes = getattr(method, method.size)
    sharing = 1 if "dropout" in method.needs else passes
    network, *_ = method.fitted  # all are of one architecture
    parameters = list(network.parameters())
    image = torch.zeros(1, *network.shape, device=parameters[0].device)
    with torch.no_grad():
        shared = _multiply_adds(partial(network.shared, image))
        rest = _multiply_adds(partial(network.rest, network.shared(image)))
    of_each = NetworkCost(
        parameters=sum(parameter.numel() for parameter in parameters),
        multiply_adds=sharing * shared + passes * rest,
        weight_bytes=sum(parameter.nbytes for parameter in parameters),
    )
    return NetworkCost(*(len(method.fitted) * number for number in of_each))


def _multiply_adds(call: Callable[[], object]) -> int:
    # Here, not above: the counter takes long to import.
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        call()
    operations: int = counter.get_total_flops()
    return operations // 2  # a multiplication and an addition each
