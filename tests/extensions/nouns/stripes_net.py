"""A network of colour images: two convolutions with batch normalisation, each with dropout."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from methods.networks.network import Network


class StripesNet(Network):
    """Of images of 16 x 16 pixels and four classes; dropout drops channels."""

    name = "stripes_net"
    shape = (3, 16, 16)
    channels = (6, 8)

    def __init__(self, *, generator: torch.Generator | None = None, **normalisation: Any) -> None:
        super().__init__(**normalisation)
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(3, 6, 3, stride=2, bias=False)
            self.norm1 = nn.BatchNorm2d(6)
            self.conv2 = nn.Conv2d(6, 8, 3, stride=2, bias=False)
            self.norm2 = nn.BatchNorm2d(8)
            self.linear = nn.Linear(8 * 9, 12)
            self.head = nn.Linear(12, 4)
        self.draw_weights(generator)

    def features(self, images: Tensor, keep_mask: Tensor | None = None) -> Tensor:
        """The layer before the head; dropout is off without a mask."""
        kept = torch.ones(1, 14) if keep_mask is None else self.scales(keep_mask)
        first, second = kept.to(images.device)[:, :, None, None].split([6, 8], dim=1)
        maps = relu(self.norm1(self.conv1(self.normalised(images)))) * first
        maps = relu(self.norm2(self.conv2(maps))) * second
        return relu(self.linear(maps.flatten(start_dim=1)))
