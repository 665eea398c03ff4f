"""MC-dropout of the same network by other masks, to see how much of a ranking is chance."""

from __future__ import annotations

from torch import Tensor

from methods.mc_dropout import MCDropout


class OtherMasks(MCDropout):
    """T further passes: those that follow the first T of MC-dropout with the same network."""

    name = "mc_dropout_other_masks"

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of the T sub-networks, [T, images, classes]."""
        (network,) = self.fitted
        passes = network.passes(self.seed, self.replicate, 2 * self.passes)
        return self.prepared.pass_logits(images, passes[self.passes :])
