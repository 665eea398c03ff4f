"""Exact MC-dropout: the distribution that sampling approximates, over all 2²² sub-networks.

A sub-network keeps some of the 6 first channels and some of the 16 second ones. For each of the
64 first choices every second channel adds a fixed vector to the first linear layer, so that the
65,536 second choices are sums of two tables of 256: the subsets of its lower and its upper half.
From there on sub-networks share nothing: 256 are computed in parallel, in the columns of a matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64

from methods.engines.lenet5_kernels import check
from methods.engines.lenet5_kernels.check import Network
from methods.engines.lenet5_kernels.compilation import compile_kernels, kernel
from methods.engines.lenet5_kernels.forward import first_layer
from methods.engines.lenet5_kernels.layers.partial_maps import (
    PartialMaps,
    combine,
    set_partial_maps,
)
from methods.engines.lenet5_kernels.layers.subnetworks import (
    HALF,
    SUBSETS,
    Columns,
    Subnetworks,
    add_mean,
    add_votes,
    mean_entropy,
    set_columns,
    set_contribution,
    set_logits,
    set_tables,
)
from methods.engines.lenet5_kernels.layout import (
    CLASSES,
    FIRST,
    SECOND,
    Array,
    Constants,
    Maps,
    Parameters,
    buffers,
)


def enumerate_subnetworks(
    network: Network, images: Float32[Array, "images 28 28"]
) -> tuple[Float64[Array, "images 10"], Float64[Array, "images 10"], Float64[Array, " images"]]:
    """The mean prediction of dropout's sub-networks; takes about a second for each image.

    A sub-network that keeps k of the n = 22 channels has the probability (1 − p)ᵏ·pⁿ⁻ᵏ, with p the
    network's dropout.
    With tanh, what either half of the second channels adds to a unit of the first linear layer is
    clamped at ±43 (trained networks reach about 12): beyond, halves that cancel would be off. With
    ReLU nothing is clamped.

    Args:
        network: its parameters are all finite.
        images: in [0, 1]; resized to 32x32 and normalised on the way.

    Returns:
        The mean of their probabilities, the probability of those whose largest logit is each
        class (ties go to the lowest), and the mean of their entropies in nats.
    """
    images, sums = check.images(images), Sums.zero(len(images))
    if not all(np.isfinite(tensor).all() for tensor in network.parameters):
        raise ValueError("the parameters are not all finite")
    compile_kernels()
    given = (network.constants, subsets(FIRST), Weights.of(network.dropout), buffers(Workspace))
    # Image by image, so that an interrupt waits for one of them, not for all.
    for one in (slice(i, i + 1) for i in range(len(images))):
        _enumerate(network.parameters, images[one], *given, Sums(*(part[one] for part in sums)))
    return sums.mean, sums.vote_share, sums.expected_entropy


def subsets(size: int) -> Bool[Array, "2**size size"]:
    """All subsets of a number of channels; subset i holds channel c where bit c of i is set."""
    return (np.arange(2**size)[:, None] >> np.arange(size) & 1).astype(bool)


class Weights(NamedTuple):
    """The probability of each subset of the first, and of half of the second channels."""

    first: Float64[Array, " 64"]
    half: Float64[Array, " 256"]

    @classmethod
    def of(cls, dropout: float) -> Weights:
        """(1 − p)ᵏ·pⁿ⁻ᵏ for a subset of k out of n channels."""
        first, half = (subsets(size).sum(axis=1) for size in (FIRST, HALF))
        return cls(
            (1.0 - dropout) ** first * float(dropout) ** (FIRST - first),
            (1.0 - dropout) ** half * float(dropout) ** (HALF - half),
        )


class Sums(NamedTuple):
    """Weighted sums over the sub-networks."""

    mean: Float64[Array, "images 10"]
    vote_share: Float64[Array, "images 10"]
    expected_entropy: Float64[Array, " images"]

    @classmethod
    def zero(cls, images: int) -> Sums:
        """Before the first sub-network."""
        return cls(np.zeros((images, CLASSES)), np.zeros((images, CLASSES)), np.zeros(images))


class Workspace(NamedTuple):
    """Buffers for one image and for 256 of its sub-networks."""

    maps: Maps
    partial: PartialMaps
    features: Float32[Array, " 25"]
    subnetworks: Subnetworks
    columns: Columns


@kernel
def _enumerate(
    parameters: Parameters,
    images: Float32[Array, "images 28*28"],
    constants: Constants,
    first_subsets: Bool[Array, "64 6"],
    weights: Weights,
    workspace: Workspace,
    sums: Sums,
) -> None:
    """Add every sub-network's weighted prediction of every image to the sums."""
    maps, partial, features, subnetworks, columns = workspace
    for image in range(images.shape[0]):
        first_layer(parameters, images[image], first_subsets[-1], constants, maps)
        set_partial_maps(partial, parameters, maps)
        for first in range(first_subsets.shape[0]):
            for o in range(SECOND):
                combine(
                    features,
                    partial,
                    o,
                    parameters.conv2_bias[o],
                    first_subsets[first],
                    constants,
                )
                set_contribution(
                    subnetworks.contributions[o], parameters.linear1_weight, features, o
                )
            set_tables(subnetworks, parameters, constants.relu)
            for subset in range(SUBSETS):
                weight = weights.first[first] * weights.half[subset]
                if weight > 0:
                    set_logits(subnetworks, parameters, subset, constants.relu)
                    set_columns(columns, subnetworks.logits, weights.half)
                    add_mean(sums.mean[image], subnetworks.logits, columns.share, weight)
                    add_votes(sums.vote_share[image], columns.vote, weights.half, weight)
                    sums.expected_entropy[image] += weight * mean_entropy(columns, weights.half)
