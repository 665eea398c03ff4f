"""The article's network: LeNet-5 with dropout on whole channels; returns logits."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

CHANNELS = (6, 16)
"""How many channels the two convolutions have; dropout keeps or drops each of the 22 as a whole."""


class LeNet5(nn.Module):
    """LeNet-5 (LeCun et al. 1998) in the article's form, 61,706 parameters.

    conv 1→6 5x5, tanh, Dropout2d, average pool 2; conv 6→16 5x5, tanh, Dropout2d, average pool 2;
    linear 400→120, tanh, 120→84, tanh, 84→10. Images enter as 28x28 in [0, 1]; they are resized to
    32x32 (bilinear) and normalised here, so that no caller can forget it.

    Which channels dropout keeps is an argument, not a mode: without it dropout is off. So the
    network draws no random numbers, and a mask can be shared by all images of a pass.

    Args:
        mean, std: the normalisation, ``(image - mean) / std``.
        dropout: probability p that a channel is dropped; kept ones are scaled by 1 / (1 - p).
        generator: source of the initial weights (Xavier uniform; biases are zero).
    """

    def __init__(
        self,
        *,
        mean: float = 0.1307,
        std: float = 0.3081,
        dropout: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.mean, self.std, self.dropout = mean, std, dropout
        # Laid out without values: torch's own initialisation would advance the global random state.
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(1, CHANNELS[0], 5)
            self.conv2 = nn.Conv2d(*CHANNELS, 5)
            self.linear1 = nn.Linear(400, 120)
            self.linear2 = nn.Linear(120, 84)
            self.linear3 = nn.Linear(84, 10)
        self.to_empty(device="cpu")
        for layer in self.children():
            nn.init.xavier_uniform_(layer.get_parameter("weight"), generator=generator)
            nn.init.zeros_(layer.get_parameter("bias"))

    def forward(
        self,
        images: Float[Tensor, "images 1 28 28"],
        keep_mask: Bool[Tensor, "#images 22"] | None = None,
    ) -> Float[Tensor, "images 10"]:
        """Logits. ``keep_mask``: the channels that dropout keeps, one row or one an image."""
        return self.classify(self.first_maps(images), keep_mask)

    def first_maps(
        self, images: Float[Tensor, "images 1 28 28"]
    ) -> Float[Tensor, "images 6 14 14"]:
        """The pooled maps of the first convolution, before dropout: the same for every mask."""
        resized = interpolate(images, size=32, mode="bilinear", align_corners=False)
        normalised = (resized - self.mean) / self.std
        return avg_pool2d(torch.tanh(self.conv1(normalised)), 2)

    def classify(
        self,
        maps: Float[Tensor, "images 6 14 14"],
        keep_mask: Bool[Tensor, "#images 22"] | None = None,
    ) -> Float[Tensor, "images 10"]:
        """Logits from the first maps; dropping a channel commutes with its pooling."""
        if keep_mask is None:
            return self.classify_second(self.conv2(maps))
        first, second = torch.split(self.scales(keep_mask)[:, :, None, None], list(CHANNELS), dim=1)
        return self.classify_second(self.conv2(maps * first), second)

    def classify_second(
        self,
        maps: Float[Tensor, "images 16 10 10"],
        scales: Float[Tensor, "#images 16 1 1"] | float = 1.0,
    ) -> Float[Tensor, "images 10"]:
        """Logits from the second convolution's sums and the scales of its channels."""
        maps = avg_pool2d(torch.tanh(maps), 2) * scales
        hidden = torch.tanh(self.linear1(maps.flatten(start_dim=1)))
        hidden = torch.tanh(self.linear2(hidden))
        logits: Tensor = self.linear3(hidden)
        return logits

    def scales(self, keep_mask: Bool[Tensor, "masks 22"]) -> Float[Tensor, "masks 22"]:
        """What dropout multiplies each channel by: 1 / (1 - p) where it is kept, else 0."""
        return keep_mask / (1 - self.dropout)
