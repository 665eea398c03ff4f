"""One network, dropout left on, T passes: the method of the article."""

from __future__ import annotations

from torch import Tensor

from methods.networks.masks import pass_masks
from methods.networks.pool import NetworkPool
from methods.pooled import MemberMethod


class MCDropout(MemberMethod):
    """Monte-Carlo dropout (Gal & Ghahramani 2016), as in the article.

    Each pass drops whole channels after both convolutions, by a mask of its own that all images
    share: T sub-networks predict every image. So the Monte-Carlo error is common to all images;
    it shows in the spread over replicates, not in a bootstrap over images.

    Args:
        passes: T, how many sub-networks vote.
    """

    name = "mc_dropout"
    label = "MC-dropout"
    citation = "Gal & Ghahramani 2016"
    group = "dropout"
    size = "passes"
    symbol = "T"
    needs = frozenset({"dropout"})

    def __init__(
        self,
        *,
        seed: int = 0,
        device: str = "cpu",
        pool: NetworkPool | None = None,
        replicate: int = 0,
        passes: int = 100,
    ) -> None:
        super().__init__(seed=seed, device=device, pool=pool, replicate=replicate)
        self.passes = passes

    @property
    def member_slice(self) -> slice:
        """Fewer passes are the first of more."""
        return slice(0, self.passes)

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of the T sub-networks, [T, images, 10]."""
        (network,) = self.fitted
        masks = pass_masks(self.seed, self.replicate, self.passes, network.dropout)
        return self.prepared.pass_logits(images, masks)
