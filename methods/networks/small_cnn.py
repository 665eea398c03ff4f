"""A network for images of 8x8, which trains within a second."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from methods.networks.network import Network


class SmallCNN(Network):
    """Two convolutions and two linear layers, 13,738 parameters.

    conv 1→16 3x3, ReLU, Dropout2d, average pool 2; conv 16→32 3x3, batch normalisation (Ioffe &
    Szegedy 2015), ReLU, Dropout2d, average pool 2; linear 128→64, ReLU, 64→10. Convolutions keep
    the size of their maps. Dropout keeps or drops each of the 48 channels as a whole.
    """

    name = "small_cnn"
    shape = (1, 8, 8)
    channels = (16, 32)

    def __init__(
        self,
        *,
        mean: float | tuple[float, ...] = 0.0,
        std: float | tuple[float, ...] = 1.0,
        dropout: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(mean=mean, std=std, dropout=dropout)
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(1, self.channels[0], 3, padding=1)
            self.conv2 = nn.Conv2d(*self.channels, 3, padding=1, bias=False)
            self.norm = nn.BatchNorm2d(self.channels[1])
            self.linear = nn.Linear(128, 64)
            self.head = nn.Linear(64, 10)
        self.draw_weights(generator)

    def features(
        self,
        images: Float[Tensor, "images 1 8 8"],
        keep_mask: Bool[Tensor, "#images 48"] | None = None,
    ) -> Float[Tensor, "images 64"]:
        """The penultimate layer."""
        return self._features(self.shared(images), keep_mask)

    def shared(self, images: Float[Tensor, "images 1 8 8"]) -> Float[Tensor, "images 16 4 4"]:
        """The pooled maps of the first convolution, before dropout."""
        return avg_pool2d(relu(self.conv1(self.normalised(images))), 2)

    def rest(
        self,
        shared: Float[Tensor, "images 16 4 4"],
        keep_mask: Bool[Tensor, "#images 48"] | None = None,
    ) -> Float[Tensor, "images 10"]:
        """Logits from the first maps."""
        logits: Tensor = self.head(self._features(shared, keep_mask))
        return logits

    def _features(
        self,
        maps: Float[Tensor, "images 16 4 4"],
        keep_mask: Bool[Tensor, "#images 48"] | None,
    ) -> Float[Tensor, "images 64"]:
        """From the first maps; dropping a channel commutes with its pooling."""
        first: Tensor | float = 1.0
        second: Tensor | float = 1.0
        if keep_mask is not None:
            scales = self.scales(keep_mask)[:, :, None, None]
            first, second = torch.split(scales, list(self.channels), dim=1)
        maps = avg_pool2d(relu(self.norm(self.conv2(maps * first))), 2) * second
        return relu(self.linear(maps.flatten(start_dim=1)))
