"""Exact MC-dropout: the distribution that sampling approximates, over all 2²² sub-networks.

A sub-network keeps some of the 6 first channels and some of the 16 second ones. For each of the
64 first choices every second channel adds a fixed vector to the first linear layer, so that the
65,536 second choices are sums of two tables of 256: the subsets of its lower and its upper half.
From there on sub-networks share nothing: 256 are computed in parallel, in the columns of a matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64

from methods.engines.lenet5_kernels.compilation import compile_kernels, inlined, kernel
from methods.engines.lenet5_kernels.forward import (
    PartialMaps,
    first_layer,
    set_features,
    set_partial_maps,
)
from methods.engines.lenet5_kernels.layers import activate, product
from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    CLASSES,
    FEATURES,
    FIRST,
    HIDDEN_1,
    SECOND,
    Array,
    KernelNetwork,
    Maps,
    Parameters,
    buffers,
    checked_images,
    exp,
    f4,
    rectify,
)

HALF = SECOND // 2
SUBSETS = 2**HALF
"""Subsets of half of the second channels."""


def enumerate_subnetworks(
    network: KernelNetwork, images: Float32[Array, "images 28 28"], *, blanks: bool = True
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
        blanks: whether sub-networks count that drop all first or all second channels.

    Returns:
        The mean of their probabilities, the probability of those whose largest logit is each
        class (ties go to the lowest), and the mean of their entropies in nats.
    """
    images = checked_images(images)
    if network.units:
        raise ValueError(
            "dropout drops units, which are too many; expected one that drops channels"
        )
    if not all(np.isfinite(tensor).all() for tensor in network.parameters):
        raise ValueError("the parameters are not all finite")
    compile_kernels()
    first, half = (subset_weights(size, network.dropout) for size in (FIRST, HALF))
    lower = np.stack([half, half])  # beside an upper half that is empty, and beside the others
    if not blanks:
        first[0] = lower[0, 0] = 0
    total = first.sum() * (half[0] * lower[0].sum() + half[1:].sum() * half.sum())
    everything, every = np.ones((1, CHANNELS), bool), np.arange(len(images))
    mean, vote_share = (np.zeros((len(images), CLASSES)) for _ in range(2))
    expected_entropy, workspace = np.zeros(len(images)), buffers(EnumerationBuffers)
    # Image by image, so that an interrupt waits for one of them, not for all.
    for i in range(len(images)):
        chosen, sums = every[i : i + 1], (mean[i], vote_share[i])
        expected_entropy[i] = _enumerate(
            network,
            images,
            chosen,
            everything,
            subsets(FIRST),
            first,
            half,
            lower,
            workspace,
            *sums,
        )
    return mean / total, vote_share / total, expected_entropy / total


def subsets(size: int) -> Bool[Array, "2**size size"]:
    """All subsets of a number of channels; subset i holds channel c where bit c of i is set."""
    return (np.arange(2**size)[:, None] >> np.arange(size) & 1).astype(bool)


def subset_weights(size: int, dropout: float) -> Float64[Array, " 2**size"]:
    """The probability of each subset: (1 − p)ᵏ·pⁿ⁻ᵏ where it holds k out of n channels."""
    kept = subsets(size).sum(axis=1)
    weights: Array = (1.0 - dropout) ** kept * dropout ** (size - kept)
    return weights


class EnumerationBuffers(NamedTuple):
    """Buffers for one image and for 256 of its sub-networks."""

    maps: Maps
    partial: PartialMaps
    features: Float32[Array, " 25"]
    subnetworks: Subnetworks
    columns: Columns


@kernel
def _enumerate(
    network: KernelNetwork,
    images: Float32[Array, "images 28*28"],
    chosen: Int64[Array, " 1"],
    everything: Bool[Array, "1 22"],
    first_subsets: Bool[Array, "64 6"],
    first_weights: Float64[Array, " 64"],
    upper_weights: Float64[Array, " 256"],
    lower_weights: Float64[Array, "2 256"],
    workspace: EnumerationBuffers,
    mean: Float64[Array, " 10"],
    vote_share: Float64[Array, " 10"],
) -> float:
    """Add every sub-network's weighted prediction to the sums; returns that of their entropies."""
    subnetworks, parameters = workspace.subnetworks, network.parameters
    first_layer(network, images, chosen, everything, workspace.maps)
    set_partial_maps(workspace.partial.terms, parameters, workspace.maps)
    entropy = 0.0
    for first in range(first_subsets.shape[0]):
        for o in range(SECOND):
            kept = first_subsets[first]
            set_features(workspace.features, network, workspace.partial, 0, o, kept)
            set_contribution(
                subnetworks.contributions[o], parameters.linear1_weight, workspace.features, o
            )
        set_tables(subnetworks, parameters, network.relu)
        for subset in range(SUBSETS):
            weight = first_weights[first] * upper_weights[subset]
            if weight > 0:
                set_logits(subnetworks, parameters, subset, network.relu)
                lower = lower_weights[min(subset, 1)]
                entropy += weight * add_predictions(
                    mean, vote_share, subnetworks.logits, lower, weight, workspace.columns
                )
    return entropy


class Subnetworks(NamedTuple):
    """Buffers for 256 sub-networks in the columns of what the linear layers read and write.

    ``nothing`` is zero and stays so.
    """

    contributions: Float32[Array, "16 120"]
    nothing: Float32[Array, " 120"]
    lower: Float32[Array, "120 256"]
    upper: Float32[Array, "120 256"]
    hidden1: Float32[Array, "120 256"]
    hidden2: Float32[Array, "84 256"]
    logits: Float32[Array, "10 256"]


class Columns(NamedTuple):
    """Buffers for one number of each of them."""

    largest: Float32[Array, " 256"]
    vote: Int32[Array, " 256"]
    total: Float32[Array, " 256"]
    moment: Float32[Array, " 256"]
    share: Float64[Array, " 256"]


@kernel
def set_contribution(
    contribution: Float32[Array, " 120"],
    weight: Float32[Array, "120 400"],
    features: Float32[Array, " 25"],
    o: int,
) -> None:
    """What channel o adds to the first linear layer: contribution = W₁[:, o] · features."""
    for n in range(HIDDEN_1):
        row = weight[n, FEATURES * o : FEATURES * (o + 1)]
        total = f4(0)
        for q in range(FEATURES):
            total += row[q] * features[q]
        contribution[n] = total


@inlined
def set_tables(subnetworks: Subnetworks, parameters: Parameters, relu: bool) -> None:
    """The sums a over every subset: of the lower channels, bias included, and of the upper ones.

    Where the activation is tanh, exp(2a) takes their place.
    """
    contributions = subnetworks.contributions
    add_subsets(subnetworks.lower, contributions[:HALF], parameters.linear1_bias)
    add_subsets(subnetworks.upper, contributions[HALF:], subnetworks.nothing)
    if not relu:
        apply_double_exp(subnetworks.lower)
        apply_double_exp(subnetworks.upper)


@kernel
def add_subsets(
    table: Float32[Array, "120 256"],
    contributions: Float32[Array, "8 120"],
    start: Float32[Array, " 120"],
) -> None:
    """table[:, i] = start + Σ contributions[c] over the bits c of i; each bit doubles the table."""
    for n in range(HIDDEN_1):
        row = table[n]
        row[0] = start[n]
        for c in range(HALF):
            size, contribution = 1 << c, contributions[c, n]
            for i in range(size):
                row[size + i] = row[i] + contribution


@kernel
def apply_double_exp(table: Float32[Array, "rows columns"]) -> None:
    """Every value a becomes exp(2a); beyond ±43 it is clamped."""
    values = table.reshape(-1)
    for i in range(values.size):
        values[i] = exp(f4(2) * values[i])


add_to_columns = product(SUBSETS)


@inlined
def set_logits(subnetworks: Subnetworks, parameters: Parameters, subset: int, relu: bool) -> None:
    """The logits of all 256 lower subsets joined with one upper subset."""
    set_hidden1(subnetworks.hidden1, subnetworks.lower, subnetworks.upper, subset, relu)
    fill_columns(subnetworks.hidden2, parameters.linear2_bias)
    add_to_columns(subnetworks.hidden2, parameters.linear2_weight, subnetworks.hidden1)
    activate(subnetworks.hidden2, relu)
    fill_columns(subnetworks.logits, parameters.linear3_bias)
    add_to_columns(subnetworks.logits, parameters.linear3_weight, subnetworks.hidden2)


@kernel
def set_hidden1(
    hidden1: Float32[Array, "120 256"],
    lower: Float32[Array, "120 256"],
    upper: Float32[Array, "120 256"],
    subset: int,
    relu: bool,
) -> None:
    """max(0, a + b) from the two tables of sums, or tanh(a + b) from those of exponentials.

    tanh(a + b) = 1 − 2 / (1 + exp(2a)·exp(2b)). ReLU has no exponentials, so nothing is clamped.
    """
    for n in range(HIDDEN_1):
        target, row, other = hidden1[n], lower[n], upper[n, subset]
        if relu:
            for i in range(SUBSETS):
                target[i] = rectify(row[i] + other)
        else:
            for i in range(SUBSETS):
                target[i] = f4(1) - f4(2) / (f4(1) + other * row[i])


@kernel
def fill_columns(columns: Float32[Array, "rows columns"], column: Float32[Array, " rows"]) -> None:
    """Every column becomes ``column``."""
    for r in range(columns.shape[0]):
        columns[r, :] = column[r]


@kernel
def add_predictions(
    mean: Float64[Array, " 10"],
    vote_share: Float64[Array, " 10"],
    logits: Float32[Array, "10 256"],
    weights: Float64[Array, " 256"],
    weight: float,
    columns: Columns,
) -> float:
    """Add the columns' predictions, each times its weight and ``weight``; returns their entropy.

    With e_k = exp(z_k − max z), which replace the logits, total = Σ_k e_k and
    moment = Σ_k e_k·(z_k − max z), a softmax is e / total; its entropy, in nats, is
    log total − moment / total, of which the mean weighted by the columns' weights is returned.
    """
    largest, vote, total, moment, share = columns
    for i in range(SUBSETS):
        largest[i], vote[i], total[i], moment[i] = logits[0, i], 0, f4(0), f4(0)
    for k in range(1, CLASSES):
        row = logits[k]
        for i in range(SUBSETS):
            larger = row[i] > largest[i]  # strictly: ties stay with the lower class
            vote[i] = np.int32(k) if larger else vote[i]
            largest[i] = row[i] if larger else largest[i]
    for k in range(CLASSES):
        row = logits[k]
        for i in range(SUBSETS):
            difference = row[i] - largest[i]
            row[i] = exp(difference)
            total[i] += row[i]
            moment[i] += row[i] * difference
    entropy = 0.0
    for i in range(SUBSETS):
        share[i] = weights[i] / total[i]
        entropy += weights[i] * np.log(total[i]) - share[i] * moment[i]
    for i in range(SUBSETS):
        vote_share[vote[i]] += weight * weights[i]
    for k in range(CLASSES):
        row, sum_of_class = logits[k], 0.0
        for i in range(SUBSETS):
            sum_of_class += share[i] * row[i]
        mean[k] += weight * sum_of_class
    return entropy
