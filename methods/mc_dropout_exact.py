"""The limit of MC-dropout without sampling: all 2²² sub-networks of one network."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from methods.interface import Prediction
from methods.mc_dropout import TrainedWithDropout
from methods.networks.architectures import LeNet5, LeNet5ReLU
from methods.networks.network import Network
from methods.networks.recipes import Recipe


class MCDropoutExact(TrainedWithDropout):
    """The distribution over sub-networks that MC-dropout's passes are drawn from.

    About a second an image on one core, so for a few hundred images; their measures have no
    Monte-Carlo error. It always computes with the kernels on the CPU.
    """

    name = "mc_dropout_exact"
    label = "MC-dropout"
    tiers = frozenset()
    citation = "Gal & Ghahramani 2016"
    group = "dropout"
    needs = frozenset({"dropout"})
    exact = slow = True
    kernels_only = True
    blanks: ClassVar[bool] = True
    """Whether sub-networks count that drop all channels of a site."""

    @classmethod
    def objection(cls, recipe: Recipe) -> str | None:
        """Sub-networks are enumerated of LeNet-5 alone, by the kernels."""
        if recipe.network not in (LeNet5, LeNet5ReLU):
            return f"the sub-networks of {recipe.network.name} cannot be enumerated"
        return super().objection(recipe)

    def predict(self, images: Tensor) -> Prediction:
        """The sub-networks' mean prediction of each image, weighted by dropout's probabilities."""
        (network,) = self.fitted
        return exact_prediction(network, images, blanks=self.blanks)


class MCDropoutExactWithoutBlanks(MCDropoutExact):
    """The limit of `methods.mc_dropout.MCDropoutWithoutBlanks`; see `MCDropoutExact`."""

    name = "mc_dropout_exact_without_blanks"
    label = "MC-dropout without blanks"
    tiers = frozenset()
    blanks = False


def exact_prediction(
    network: Network, images: Float[Tensor, "images 1 28 28"], *, blanks: bool = True
) -> Prediction:
    """The exact prediction of MC-dropout with this network: the limit of infinitely many passes.

    A sub-network that keeps k of the n = 22 channels has the probability (1 − p)ᵏ pⁿ⁻ᵏ, with p the
    network's dropout. Votes are counted on logits; ``members`` is ``None``. Without ``blanks``,
    those that drop all channels of a site are left out.

    Raises:
        ValueError: the network is not a LeNet-5.
    """
    # Here, not above: the other methods need no Numba.
    from methods.engines import lenet5_kernels as kernels
    from methods.engines.numba import kernel_network

    mean, vote_share, expected_entropy = kernels.enumerate_subnetworks(
        kernel_network(network), images.numpy(), blanks=blanks
    )
    return Prediction(
        mean=torch.from_numpy(mean),
        vote_share=torch.from_numpy(vote_share),
        expected_entropy=torch.from_numpy(expected_entropy),
        members=None,
    )
