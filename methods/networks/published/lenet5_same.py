"""The network of uncertainty-baselines for MNIST and Fashion-MNIST."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from methods.networks.network import Network
from methods.networks.published.channels_last import channels_last, flat


class LeNet5Same(Network):
    """LeNet-5 whose convolutions keep the size of their maps, 545,546 parameters, no dropout.

    conv 1→6 5x5, ReLU, max pool 2; conv 6→16 5x5, ReLU, max pool 2; conv 16→120 5x5, ReLU; linear
    5880→84, ReLU, 84→10. Images enter as 28x28 in [0, 1]. The source is ``lenet5`` of
    ``baselines/mnist/deterministic.py`` in uncertainty-baselines (Nado et al. 2021).
    """

    name = "lenet5_same"
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
            self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
            self.conv2 = nn.Conv2d(6, 16, 5, padding=2)
            self.conv3 = nn.Conv2d(16, 120, 5, padding=2)
            self.linear = nn.Linear(7 * 7 * 120, 84)
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
        return relu(self.linear(flat(relu(self.conv3(maps)))))
