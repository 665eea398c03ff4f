"""A network in few bytes, as the page's script reads them (`static/lenet5.js`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from jaxtyping import Float, Float32, Int8
from torch import Tensor

from methods.networks.lenet5 import LeNet5

LARGE = ("linear1", "linear2")
"""The layers that 8 bits do: nine tenths of all weights, and many a sum."""

MOST = 127
"""The largest whole number of 8 bits that has a negative."""

Weights = Float[Tensor, "outputs ..."]


@dataclass(frozen=True, eq=False)
class Rounded:
    """A network whose numbers have 16 bits, or fewer.

    Attributes:
        network: with the rounded weights, in float32.
        eight_bits: the layers whose weights have 8 bits, and a scale an output.
        content: all numbers, layer after layer, weights before biases; scales before weights.
    """

    network: LeNet5
    eight_bits: tuple[str, ...]
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the content, in 64 hexadecimal digits."""
        return sha256(self.content).hexdigest()


def rounded(network: LeNet5, eight_bits: Collection[str] = LARGE) -> Rounded:
    """The network with weights of 8 bits in some layers, and all other numbers in 16.

    Each output of a layer of 8 bits has a scale of its own in float32, so that its largest weight
    becomes 127 or -127.
    """
    copy = deepcopy(network)
    layers = tuple(name for name in LARGE if name in eight_bits)
    content = b"".join(_rounded_in_place(copy, frozenset(layers)))
    return Rounded(copy, layers, content)


def scaled(
    weights: Float[Tensor, "outputs inputs"],
) -> tuple[Float32[np.ndarray, "outputs 1"], Int8[np.ndarray, "outputs inputs"]]:
    """A scale an output, and whole numbers that are the weights once multiplied by it.

    >>> scales, whole = scaled(torch.tensor([[0.5, -1.27], [0.0, 0.0]]))
    >>> whole.tolist(), scales.round(4).tolist()
    ([[50, -127], [0, 0]], [[0.009999999776482582], [1.0]])
    """
    numbers = weights.detach().numpy().astype(np.float32)
    scales = np.abs(numbers).max(axis=1, keepdims=True) / np.float32(MOST)
    scales[scales == 0] = 1
    return scales, np.rint(numbers / scales).astype(np.int8)


def _rounded_in_place(network: LeNet5, eight_bits: Collection[str]) -> Iterator[bytes]:
    for name, parameter in network.named_parameters():
        layer, _, kind = name.partition(".")
        if kind == "weight" and layer in eight_bits:
            scales, whole = scaled(parameter)
            parameter.data = torch.from_numpy(scales * whole)
            yield scales.astype("<f4").tobytes() + whole.tobytes()
        else:
            halves = parameter.detach().numpy().astype("<f2")
            parameter.data = torch.from_numpy(halves.astype(np.float32))
            yield halves.tobytes()
