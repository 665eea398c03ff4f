"""The article's network with today's usual activation and pooling."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from methods.networks.lenet5 import LeNet5


class LeNet5ReLU(LeNet5):
    """LeNet-5 with ReLU instead of tanh, and maximum instead of average pooling.

    conv 1→6 5x5, ReLU, Dropout2d, max pool 2; conv 6→16 5x5, ReLU, Dropout2d, max pool 2; linear
    400→120, ReLU, 120→84, ReLU, 84→10. All else is as in `LeNet5`: the same 61,706 parameters
    begin with the same values.
    """

    name = "lenet5_relu"

    @staticmethod
    def activate(sums: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """ReLU; its derivative at 0 is 0."""
        return torch.relu(sums)

    @staticmethod
    def pool(
        maps: Float[Tensor, "images channels height width"],
    ) -> Float[Tensor, "images channels height/2 width/2"]:
        """Halves height and width; the error goes to the first maximum of a square."""
        return max_pool2d(maps, 2)
