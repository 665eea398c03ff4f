"""Networks and recipes that follow other papers, whose published numbers are judged.

Where a recipe departs from its paper stands in docs/published.md.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from methods.networks.network import Network
from methods.networks.recipes import Recipe


class ReLUMaxPool(Network):
    """What both share: ReLU, max pooling, images of 28x28 in [0, 1] as they are, no dropout.

    Maps have their channels side by side in memory, with which small convolutions are faster: an
    epoch of `LeNet28` takes a third less time on a CPU, one of `LeNet5Same` a tenth. Only axes are
    permuted, without a copy, which may also be done for many networks at once (`torch.func.vmap`).
    """

    shape = (1, 28, 28)
    channels = ()
    conv1: nn.Conv2d
    conv2: nn.Conv2d

    def pooled_maps(
        self, images: Float[Tensor, "images 1 28 28"]
    ) -> Float[Tensor, "images 16 height width"]:
        """The pooled maps of the second convolution."""
        last = self.normalised(images).reshape(-1, 28, 28, 1).permute(0, 3, 1, 2)
        # The maximum commutes with ReLU, which then has a quarter of the work.
        maps = relu(max_pool2d(self.conv1(last), 2))
        return relu(max_pool2d(self.conv2(maps), 2))


def flat(
    maps: Float[Tensor, "images channels height width"],
) -> Float[Tensor, "images height*width*channels"]:
    """Each image's numbers by row, column and channel, as Keras flattens them."""
    return maps.permute(0, 2, 3, 1).flatten(start_dim=1)


class LeNet5Same(ReLUMaxPool):
    """LeNet-5 whose convolutions keep the size of their maps, 545,546 parameters.

    conv 1→6 5x5, ReLU, max pool 2; conv 6→16 5x5, ReLU, max pool 2; conv 16→120 5x5, ReLU; linear
    5880→84, ReLU, 84→10. The source is ``lenet5`` of ``baselines/mnist/deterministic.py`` in
    uncertainty-baselines (Nado et al. 2021).
    """

    name = "lenet5_same"

    def __init__(self, *, generator: torch.Generator | None = None, **settings: Any) -> None:
        super().__init__(**settings)
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
        return relu(self.linear(flat(relu(self.conv3(self.pooled_maps(images))))))


class LeNet28(ReLUMaxPool):
    """LeNet for images of 28x28, 44,426 parameters.

    conv 1→6 5x5, ReLU, max pool 2; conv 6→16 5x5, ReLU, max pool 2; linear 256→120, ReLU, 120→84,
    ReLU, 84→10. The source is ``LeNet`` of ``baselines/vanilla/models/lenet.py`` in laplace-redux
    (Daxberger et al. 2021).
    """

    name = "lenet_28"

    def __init__(self, *, generator: torch.Generator | None = None, **settings: Any) -> None:
        super().__init__(**settings)
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
        return relu(self.linear2(relu(self.linear1(flat(self.pooled_maps(images))))))


UNCERTAINTY_BASELINES = Recipe(
    "uncertainty-baselines",
    network=LeNet5Same,
    split="training",
    mean=0.0,
    std=1.0,
    dropout=0.0,
    epochs=23,  # of 215 steps: 4,945, where 25 epochs of 50,000 images are 4,900
    batch_size=256,
    pool=10,
)
"""Nado et al. 2021: ``baselines/mnist/deterministic.py``, for MNIST and Fashion-MNIST alike."""

LAPLACE_REDUX = Recipe(
    "laplace-redux",
    network=LeNet28,
    split="all",
    mean=0.0,
    std=1.0,
    dropout=0.0,
    schedule="cosine",
    l2_penalty=5e-4,
    epochs=100,
    batch_size=128,
    pool=5,
)
"""Daxberger et al. 2021, for MNIST."""
