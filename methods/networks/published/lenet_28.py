"""The network of Laplace Redux for MNIST."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from methods.networks.network import Network
from methods.networks.published.channels_last import channels_last, flat


class LeNet28(Network):
    """LeNet for images of 28x28 as they are, 44,426 parameters, no dropout.

    conv 1→6 5x5, ReLU, max pool 2; conv 6→16 5x5, ReLU, max pool 2; linear 256→120, ReLU, 120→84,
    ReLU, 84→10. Images enter as 28x28 in [0, 1]. The source is ``LeNet`` of
    ``baselines/vanilla/models/lenet.py`` in laplace-redux (Daxberger et al. 2021).
    """

    name = "lenet_28"
    shape = (1, 28, 28)
    channels = ()

    def __init__(
        self,
        *,
        mean: float | tuple[float, ...] = 0.0,
        std: float | tuple[float, ...] = 1.0,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(mean=mean, std=std, dropout=dropout)
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(1, 6, 5)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.linear1 = nn.Linear(4 * 4 * 16, 120)
            self.linear2 = nn.Linear(120, 84)
            self.head = nn.Linear(84, 10)
        self.draw_weights(generator)

    def features(
        self,
        images: Float[Tensor, "images 1 28 28"],
        keep_mask: Bool[Tensor, "#images 0"] | None = None,
    ) -> Float[Tensor, "images 84"]:
        """The penultimate layer."""
        # The maximum commutes with ReLU, which then has a quarter of the work.
        maps = relu(max_pool2d(self.conv1(channels_last(self.normalised(images))), 2))
        maps = relu(max_pool2d(self.conv2(maps), 2))
        return relu(self.linear2(relu(self.linear1(flat(maps)))))
