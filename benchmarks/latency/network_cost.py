"""What LeNet-5's methods cost whatever computes them: parameters, multiply-adds, bytes."""

from __future__ import annotations

from typing import NamedTuple

from methods import UncertaintyMethod
from methods.deep_ensemble import DeepEnsemble
from methods.mc_dropout import MCDropout
from methods.softmax import Softmax

PARAMETERS = 61_706
"""conv1 6·25 + 6, conv2 16·6·25 + 16, linear 400·120 + 120, 120·84 + 84, 84·10 + 10."""

BYTES = 4
"""Of a parameter: float32."""

FIRST_CONVOLUTION = 28 * 28 * 6 * 25
"""Multiply-adds of the part that all sub-networks of a network share."""

REST = 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10
"""Multiply-adds of the second convolution and the three linear layers."""


class NetworkCost(NamedTuple):
    """What a method holds, and what it computes for each image.

    Attributes:
        parameters: of all its networks.
        multiply_adds: per image.
        weight_bytes: of all its networks, in float32.
    """

    parameters: int
    multiply_adds: int
    weight_bytes: int


def network_cost(method: UncertaintyMethod) -> NetworkCost | None:
    """The cost by the layers' sizes; ``None`` for methods that are not made of whole LeNet-5s.

    A multiply-add is one product in a sum; activations, pooling, resizing and the softmax are not
    counted. Per image,

    * the first convolution, 28·28 places, 6 maps, 5·5 inputs: 117,600;
    * the second, 10·10 places, 16 maps, 6·5·5 inputs: 240,000;
    * the linear layers, 400·120 + 120·84 + 84·10: 58,920.

    A network takes all three, 416,520, and M networks M times that. T passes of MC-dropout share
    the first convolution: 117,600 + T · 298,920. These are the products of the networks as they
    are written down. Engines find ways to compute fewer: the kernels skip dropped channels, and
    what passes share of the second convolution can be added up instead of multiplied.
    """
    # Not of subclasses: a user's own may ask these networks as often as it likes.
    if type(method) is MCDropout:
        networks, multiply_adds = 1, FIRST_CONVOLUTION + method.passes * REST
    elif type(method) is DeepEnsemble or type(method) is Softmax:
        networks = len(method.networks)
        multiply_adds = networks * (FIRST_CONVOLUTION + REST)
    else:
        return None
    return NetworkCost(networks * PARAMETERS, multiply_adds, networks * PARAMETERS * BYTES)
