"""The networks: the article's LeNet-5, a small one for 8x8 images, and those of other papers."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.functional import avg_pool2d, conv2d, interpolate, max_pool2d, relu

from methods.networks.network import Network
from methods.shapes import KeepMask


class LeNet5(Network):
    """LeNet-5 (LeCun et al. 1998) in the article's form, 61,706 parameters.

    conv 1→6 5x5, tanh, Dropout2d, average pool 2; conv 6→16 5x5, tanh, Dropout2d, average pool 2;
    linear 400→120, tanh, 120→84, tanh, 84→10. Images enter as 28x28 in [0, 1]; they are resized to
    32x32 (bilinear) and normalised here. Dropout keeps or drops each of the 22 channels as a whole.
    """

    name = "lenet5"
    shape = (1, 28, 28)
    maps: ClassVar[tuple[int, int]] = (6, 16)
    channels = maps

    def __init__(
        self,
        *,
        mean: float | tuple[float, ...] = 0.1307,
        std: float | tuple[float, ...] = 0.3081,
        dropout: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(mean=mean, std=std, dropout=dropout)
        with torch.device("meta"):
            self.conv1 = nn.Conv2d(1, self.maps[0], 5)
            self.conv2 = nn.Conv2d(*self.maps, 5)
            self.linear1 = nn.Linear(400, 120)
            self.linear2 = nn.Linear(120, 84)
            self.head = nn.Linear(84, 10)
        self.draw_weights(generator)

    @staticmethod
    def activate(sums: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The activation of every layer but the last."""
        return torch.tanh(sums)

    @classmethod
    def pool(
        cls,
        sums: Float[Tensor, "images channels height width"],
    ) -> Float[Tensor, "images channels height/2 width/2"]:
        """Activated, at half the size; commutes with dropout, which scales by 0 or more."""
        return avg_pool2d(cls.activate(sums), 2)

    def features(
        self, images: Float[Tensor, "images 1 28 28"], keep_mask: KeepMask | None = None
    ) -> Float[Tensor, "images 84"]:
        """The penultimate layer."""
        if self.engine_features and keep_mask is None and not images.requires_grad:
            return self.engine_features(self, images)
        return self._features(self.shared(images), keep_mask)

    def shared(self, images: Float[Tensor, "images 1 28 28"]) -> Float[Tensor, "images 6 14 14"]:
        """The pooled maps of the first convolution, before dropout."""
        # Channels side by side in memory, without a copy: small convolutions are a tenth faster.
        pixels = self.normalised(self.resized(images)).reshape(-1, 32, 32, 1).permute(0, 3, 1, 2)
        return self.pool(self.conv1(pixels))

    def resized(self, images: Float[Tensor, "images 1 28 28"]) -> Float[Tensor, "images 1 32 32"]:
        """The images at 32x32, bilinear; those that have this size stay as they are."""
        if images.shape[-1] == 32:
            return images
        return interpolate(images, size=32, mode="bilinear", align_corners=False)

    def rest(
        self, shared: Float[Tensor, "images 6 14 14"], keep_mask: KeepMask | None = None
    ) -> Float[Tensor, "images 10"]:
        """Logits from the first maps."""
        logits: Tensor = self.head(self._features(shared, keep_mask))
        return logits

    def subnetwork_logits(
        self,
        images: Float[Tensor, "images 1 28 28"],
        passes: Bool[Tensor, "masks 22"],
        *,
        most: int,
    ) -> Float[Tensor, "masks images 10"]:
        """Logits of the sub-network of each mask; what they share is computed once.

        A second map is its bias plus a term of each first map, so a mask only scales the six terms.
        Masks share a batch only where few images leave space: with many images each mask is
        computed alone, and rounds the same whatever other masks there are.
        """
        terms = self._second_terms(images)
        parts = torch.split(passes, max(1, most // max(1, len(images))))
        return torch.cat([self._logits_of_terms(terms, masks) for masks in parts])

    def _features(
        self, maps: Float[Tensor, "images 6 14 14"], keep_mask: KeepMask | None = None
    ) -> Float[Tensor, "images 84"]:
        """The penultimate layer; dropping a channel commutes with its pooling."""
        if keep_mask is None:
            return self._second_features(self.conv2(maps))
        scales = self.scales(keep_mask)[:, :, None, None]
        first, second = torch.split(scales, list(self.channels), dim=1)
        return self._second_features(self.conv2(maps * first), second)

    def _second_features(
        self,
        maps: Float[Tensor, "images 16 10 10"],
        scales: Float[Tensor, "#images 16 1 1"] | float = 1.0,
    ) -> Float[Tensor, "images 84"]:
        """The penultimate layer, from the second convolution's sums and its channels' scales."""
        maps = self.pool(maps) * scales
        hidden = self.activate(self.linear1(maps.flatten(start_dim=1)))
        return self.activate(self.linear2(hidden))

    def _second_terms(
        self, images: Float[Tensor, "images 1 28 28"]
    ) -> Float[Tensor, "6 images 16 10 10"]:
        """The part of the second maps that each first map adds."""
        first, second = self.channels
        weight = self.conv2.weight.transpose(0, 1).flatten(end_dim=1)[:, None]
        terms = conv2d(self.shared(images), weight, groups=first)
        return terms.reshape(len(images), first, second, 10, 10).transpose(0, 1).contiguous()

    def _logits_of_terms(
        self, terms: Float[Tensor, "6 images 16 10 10"], masks: Bool[Tensor, "masks 22"]
    ) -> Float[Tensor, "masks images 10"]:
        first, second = torch.split(self.scales(masks), list(self.channels), dim=1)
        bias = self.conv2.get_parameter("bias")[:, None, None]
        maps = torch.tensordot(first, terms, dims=1) + bias

        def logits(maps: Tensor, scales: Tensor) -> Tensor:
            outputs: Tensor = self.head(self._second_features(maps, scales))
            return outputs

        all_logits: Tensor = vmap(logits)(maps, second[:, :, None, None])
        return all_logits


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

    @classmethod
    def pool(
        cls,
        sums: Float[Tensor, "images channels height width"],
    ) -> Float[Tensor, "images channels height/2 width/2"]:
        """Activated, at half the size; the error goes to the first maximum of a square.

        The maximum commutes with ReLU, which then has a quarter of the work.
        """
        return cls.activate(max_pool2d(sums, 2))


class LeNet5Units(LeNet5ReLU):
    """`LeNet5ReLU` with the same weights, in which dropout drops units of linear layers.

    Each of the 120 and 84 outputs of the hidden linear layers is kept or dropped. All before these
    is the same in every pass.
    """

    name = "lenet5_units"
    channels = (120, 84)
    subnetwork_logits = Network.subnetwork_logits

    def shared(self, images: Float[Tensor, "images 1 28 28"]) -> Float[Tensor, "images 120"]:
        """The first hidden linear layer, before dropout."""
        maps = self.pool(self.conv2(super().shared(images)))
        return self.activate(self.linear1(maps.flatten(start_dim=1)))

    def _features(
        self, maps: Float[Tensor, "images 120"], keep_mask: KeepMask | None = None
    ) -> Float[Tensor, "images 84"]:
        if keep_mask is None:
            return self.activate(self.linear2(maps))
        first, second = torch.split(self.scales(keep_mask), list(self.channels), dim=1)
        return self.activate(self.linear2(maps * first)) * second


LINEAR_DROPOUT: dict[type[Network], type[Network]] = {LeNet5ReLU: LeNet5Units}
"""Architectures with the same whose dropout is in linear layers."""

KERNEL_NETWORKS: dict[type[Network], dict[str, bool]] = {
    LeNet5: {},
    LeNet5ReLU: {"relu": True},
    LeNet5Units: {"relu": True, "units": True},
}
"""The networks that the kernels compute, with the arguments that tell them apart there.

Another subclass is not among them: it may compute anything.
"""


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
        self, images: Float[Tensor, "images 1 8 8"], keep_mask: KeepMask | None = None
    ) -> Float[Tensor, "images 64"]:
        """The penultimate layer."""
        return self._features(self.shared(images), keep_mask)

    def shared(self, images: Float[Tensor, "images 1 8 8"]) -> Float[Tensor, "images 16 4 4"]:
        """The pooled maps of the first convolution, before dropout."""
        return avg_pool2d(relu(self.conv1(self.normalised(images))), 2)

    def rest(
        self, shared: Float[Tensor, "images 16 4 4"], keep_mask: KeepMask | None = None
    ) -> Float[Tensor, "images 10"]:
        """Logits from the first maps."""
        logits: Tensor = self.head(self._features(shared, keep_mask))
        return logits

    def _features(
        self, maps: Float[Tensor, "images 16 4 4"], keep_mask: KeepMask | None
    ) -> Float[Tensor, "images 64"]:
        """The penultimate layer; dropping a channel commutes with its pooling."""
        first: Tensor | float = 1.0
        second: Tensor | float = 1.0
        if keep_mask is not None:
            scales = self.scales(keep_mask)[:, :, None, None]
            first, second = torch.split(scales, list(self.channels), dim=1)
        maps = avg_pool2d(relu(self.norm(self.conv2(maps * first))), 2) * second
        return relu(self.linear(maps.flatten(start_dim=1)))


class ReLUMaxPool(Network):
    """Two convolutions with ReLU and max pooling, of images of 28x28 in [0, 1]; no dropout.

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
        self, images: Float[Tensor, "images 1 28 28"], keep_mask: KeepMask | None = None
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
        self, images: Float[Tensor, "images 1 28 28"], keep_mask: KeepMask | None = None
    ) -> Float[Tensor, "images 84"]:
        """The penultimate layer."""
        return relu(self.linear2(relu(self.linear1(flat(self.pooled_maps(images))))))
