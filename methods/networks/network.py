"""What an architecture is: images in, logits out, with dropout by masks that are handed over.

Masks are drawn on the CPU whatever the device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from methods.determinism import derive_seed
from methods.shapes import Features, Images, KeepMask, Logits, MemberLogits


def draw_masks(
    random: np.random.Generator, masks: int, channels: Sequence[int], dropout: float
) -> Bool[Tensor, "masks channels"]:
    """Independent masks over all channels: each is kept with chance 1 - dropout.

    ``channels``: the width of each dropout site.

    >>> draw_masks(np.random.default_rng(0), 2, (6, 16), dropout=0.0).all()
    tensor(True)
    """
    return torch.from_numpy(random.random((masks, sum(channels)), dtype=np.float32) >= dropout)


def is_blank(
    masks: Bool[Tensor, "masks channels"], channels: Sequence[int]
) -> Bool[Tensor, " masks"]:
    """Whether a mask drops all channels of a site, so that every image gets the same answer.

    Its chance is 1 - Π (1 - pᶜ) over sites of c channels, with p the dropout rate.

    >>> is_blank(torch.tensor([[False, False, True], [True, False, True]]), (2, 1))
    tensor([ True, False])
    """
    sites = torch.split(masks, list(channels), dim=1)
    return torch.stack([~site.any(dim=1) for site in sites]).any(dim=0)


def pass_masks(
    seed: int,
    replicate: int,
    passes: int,
    channels: Sequence[int],
    dropout: float,
    *,
    blanks: bool = True,
) -> Bool[Tensor, "passes channels"]:
    """The masks of MC-dropout's passes; pass t's is a function of (seed, replicate, t) alone.

    Without ``blanks``, these masks are left out (`is_blank`), and those behind them move up.

    So ten passes are a prefix of a hundred, and results depend neither on the batch split nor on
    the device. All are drawn row after row from a generator whose numbers are functions of its key
    and their position (Philox 4x64, Salmon et al. 2011).

    >>> torch.equal(pass_masks(0, 0, 100, (6,), 0.5)[:10], pass_masks(0, 0, 10, (6,), 0.5))
    True
    """
    random = np.random.Generator(_pass_numbers(seed, replicate))
    masks = draw_masks(random, passes, channels, dropout)
    while not blanks and len(kept := masks[~is_blank(masks, channels)]) < passes:
        masks = torch.cat([kept, draw_masks(random, passes - len(kept), channels, dropout)])
    return masks if blanks else kept


def pass_seeds(seed: int, replicate: int, passes: int) -> Int64[Tensor, " passes"]:
    """A seed in [0, 2^63) for each of MC-dropout's passes, where widths are not known before.

    Seed t, too, is a function of (seed, replicate, t) alone.

    >>> torch.equal(pass_seeds(0, 0, 100)[:10], pass_seeds(0, 0, 10))
    True
    """
    return torch.from_numpy((_pass_numbers(seed, replicate).random_raw(passes) >> 1).view(np.int64))


def _pass_numbers(seed: int, replicate: int) -> np.random.Philox:
    return np.random.Philox(key=derive_seed("mc_dropout", seed, replicate))


@cache
def multiply_adds(network: type[Network]) -> int:
    """Multiply-adds of the forward of an image, as torch counts them.

    >>> from methods.networks.architectures import LeNet5
    >>> multiply_adds(LeNet5)
    416520
    """
    begun = network(generator=torch.Generator())
    return counted_multiply_adds(lambda: begun(torch.zeros(1, *network.shape)))


def counted_multiply_adds(call: Callable[[], object]) -> int:
    """Multiply-adds of the matrix products and convolutions of a call, without gradients."""
    counter = _FlopCounter()  # type: ignore[no-untyped-call]
    with counter, torch.no_grad():
        call()
    return counter.flops // 2  # a multiplication and an addition each


class _FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts as `torch.utils.flop_counter.FlopCounterMode`, which imports torch's compiler first:
    that takes longer than to count."""

    flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if (count := flop_registry.get(function.overloadpacket)) is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=result)
        return result


class Network(nn.Module, ABC):
    """A classifier that ends in a linear layer: logits = head(features).

    Resizing and normalisation happen inside, so that no caller can forget them. Which channels
    dropout keeps is an argument, not a mode: without it dropout is off. So a network draws no
    random numbers, and a mask can be shared by all images of a pass. The modes of `nn.Module` are
    for other layers, such as batch normalisation: a network trains in training mode and is in
    evaluation mode at all other times.

    A subclass has the same arguments, lays out its layers, ends its constructor with
    `draw_weights` and implements `features`. One with dropout may override `shared` and `rest`, or
    `subnetwork_logits`, to compute many masks faster.

    Args:
        mean, std: the normalisation, ``(image - mean) / std``; a number, or one a channel.
        dropout: probability p that a channel is dropped; kept ones are scaled by 1 / (1 - p).
        generator: source of the initial weights; the global random state is not touched.

    Attributes:
        name: of the architecture; part of a stored network's key.
        shape: of an image, channels first.
        channels: the width of each dropout site; may be empty.
        head: the last layer.
        engine_features: what computes the features in place of the network, dropout off, if an
            engine has adopted it (`Engine.adopted`).
    """

    name: ClassVar[str]
    shape: ClassVar[tuple[int, ...]]
    channels: ClassVar[tuple[int, ...]]
    head: nn.Linear
    engine_features: Callable[[Network, Images], Features] | None = None

    def __init__(
        self,
        *,
        mean: float | tuple[float, ...] = 0.0,
        std: float | tuple[float, ...] = 1.0,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.mean, self.std, self.dropout = mean, std, dropout

    @abstractmethod
    def features(self, images: Images, keep_mask: KeepMask | None = None) -> Features:
        """The penultimate layer; ``keep_mask``: the channels kept, one row or one an image."""

    def forward(self, images: Images, keep_mask: KeepMask | None = None) -> Logits:
        """Logits; ``keep_mask``: the channels kept, one row or one an image."""
        logits: Tensor = self.head(self.features(images, keep_mask))
        return logits

    def outputs(self, images: Images) -> tuple[Logits, Features]:
        """Logits and features by one forward, dropout off."""
        features = self.features(images)
        return self.head(features), features

    def resized(self, images: Images) -> Images:
        """The images at the size at which the first layer reads them: by default their own.

        Done once, it is not repeated in every epoch: a network reads these as it reads the others.
        """
        return images

    def shared(self, images: Images) -> Tensor:
        """The part that is the same for every mask: by default nothing but the images."""
        return images

    def rest(self, shared: Tensor, keep_mask: KeepMask | None = None) -> Logits:
        """Logits from what `shared` returned."""
        logits: Tensor = self(shared, keep_mask)
        return logits

    def subnetwork_logits(self, images: Images, passes: Tensor, *, most: int) -> MemberLogits:
        """Logits of all images under each of the `passes`: one forward a mask.

        ``most``: how many masks times images may be computed in one batch; at least the images.
        """
        shared = self.shared(images)
        return torch.stack([self.rest(shared, mask[None]) for mask in passes])

    def passes(self, seed: int, replicate: int, count: int) -> Tensor:
        """A row for each pass of MC-dropout: here its mask, of `channels` truth values."""
        return pass_masks(seed, replicate, count, self.channels, self.dropout)

    def scales(self, keep_mask: Bool[Tensor, "masks channels"]) -> Float[Tensor, "masks channels"]:
        """Factors by which dropout multiplies channels: 1 / (1 - p) where one is kept, else 0."""
        return keep_mask / (1 - self.dropout)

    def normalised(
        self, images: Float[Tensor, "images channels height width"]
    ) -> Float[Tensor, "images channels height width"]:
        """``(image - mean) / std``."""
        return (images - _by_channel(self.mean, images)) / _by_channel(self.std, images)

    def draw_weights(self, generator: torch.Generator | None) -> None:
        """Xavier-uniform weights and zero biases of convolutions and linear layers.

        Other layers begin as they reset themselves; tensors outside of layers are to be set
        afterwards. Layers are laid out on the device ``meta``, without values: torch's own
        initialisation would advance the global random state. They are in float32, whatever torch's
        default type.
        """
        # Not `to_empty`, by which torch imports sympy: a third of a second a process.
        self.float()._apply(  # type: ignore[no-untyped-call]
            lambda tensor: torch.empty(tensor.shape, dtype=tensor.dtype)
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)):
                nn.init.xavier_uniform_(layer.weight, generator=generator)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
            elif callable(reset := getattr(layer, "reset_parameters", None)):
                reset()


def _by_channel(value: float | tuple[float, ...], images: Tensor) -> float | Tensor:
    return images.new_tensor(value)[:, None, None] if isinstance(value, tuple) else value
