"""One network, dropout left on, T passes: the method of the article."""

from __future__ import annotations

from typing import Self, Unpack

from torch import Tensor, nn

from methods.given import GivenArguments, GivenNetwork, require_count
from methods.pooled import MemberMethod, PoolArguments


class MCDropout(MemberMethod):
    """Monte-Carlo dropout (Gal & Ghahramani 2016), as in the article.

    Each pass drops channels at the network's dropout sites, by a mask of its own that all images
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
    needs = frozenset({"dropout"})

    def __init__(self, *, passes: int = 100, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self.passes = passes

    @classmethod
    def from_network(
        cls,
        module: nn.Module,
        *,
        passes: int = 100,
        seed: int = 0,
        replicate: int = 0,
        **given: Unpack[GivenArguments],
    ) -> Self:
        """The method, fitted, of a network that was trained elsewhere with dropout.

        Every dropout layer of PyTorch's is found and switched on, and nothing else: all other
        layers, such as batch normalisation, compute in evaluation mode. A layer that is reached
        several times draws a mask each time. `torch.nn.functional.dropout` and the dropout inside
        of `nn.MultiheadAttention` and of recurrent layers cannot be found, and stay off. A warning
        names layers with such dropout inside, and dropout layers that no forward calls.

        Args:
            module, given: see `Softmax.from_network`.
            passes: T, how many sub-networks vote.
            seed, replicate: pass t's masks are a function of (seed, replicate, t) alone.

        Raises:
            ValueError: as `Softmax.from_network`; or the module has no dropout layer, or one whose
                masks are unknown; or there is no pass. Predicting raises one if no dropout layer is
                called, or if the first axis of one's input is not the images.
        """
        require_count("passes", passes)
        method = cls.of_modules([module], given, seed=seed, replicate=replicate, passes=passes)
        (network,) = method.fitted
        assert isinstance(network, GivenNetwork)
        network.require_dropout()
        return method

    @property
    def member_slice(self) -> slice:
        """Fewer passes are the first of more."""
        return slice(0, self.passes)

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of the T sub-networks, [T, images, classes]."""
        (network,) = self.fitted
        passes = network.passes(self.seed, self.replicate, self.passes)
        return self.prepared.pass_logits(images, passes)
