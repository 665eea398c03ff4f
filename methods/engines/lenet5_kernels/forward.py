"""The network forwards: sixteen images through the convolutions, then as rows through the linears.

The masks are known beforehand. A first channel that none of the images keeps is not computed, nor
what a dropped second channel would add to the first linear layer.

Many sub-networks of one image share work: a map of the second convolution is a sum over the first
maps that dropout keeps, whose six terms do not depend on the masks. They are computed once for each
image, and sub-networks that keep the same first channels share their sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels import layers
from methods.engines.lenet5_kernels.compilation import compile_kernels, inlined, kernel
from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    CLASSES,
    FEATURES,
    FIRST,
    HIDDEN_1,
    HIDDEN_2,
    LANES,
    SECOND,
    Array,
    KernelNetwork,
    Maps,
    Parameters,
    ThreadBuffers,
    checked_images,
    checked_masks,
    f4,
    first_subsets,
    larger,
    rectify,
    tanh,
)


@inlined
def first_layer(
    network: KernelNetwork,
    images: Float32[Array, "images 28*28"],
    chosen: Int64[Array, " count"],
    keep_mask: Bool[Array, "count 22"],
    maps: Maps,
) -> None:
    """Each channel that is kept: conv(pixels) + bias, activated, pooled, scaled.

    Of the chosen images, at most sixteen, of which each has a row of the mask.
    """
    layers.load_images(maps.raw, images, chosen)
    layers.load_masks(maps.keep, maps.scales, maps.used, keep_mask, network.kept_scale)
    layers.resize(maps.pixels, maps.wide, maps.raw, network.pixel_scale, network.pixel_offset)
    for c in range(FIRST):
        if maps.used[c]:
            maps.first[c, :] = network.parameters.conv1_bias[c]
            layers.add_first_convolution(
                maps.first[c], maps.pixels, network.parameters.conv1_weight[c]
            )
            layers.pool_first(maps.pooled[c], maps.first[c], maps.scales[c], network.relu)


@inlined
def second_layer(network: KernelNetwork, maps: Maps, features: Float32[Array, "16 16 25"]) -> None:
    """Each channel: Σ conv(kept first maps) + bias, activated, pooled, scaled; rows of features."""
    for o in range(SECOND):
        maps.second[o, :] = network.parameters.conv2_bias[o]
        for c in range(FIRST):
            if maps.used[c]:
                weight = network.parameters.conv2_weight[o, c]
                layers.add_second_convolution(maps.second[o], maps.pooled[c], weight)
        layers.pool_second(maps.features[o], maps.second[o], maps.scales[FIRST + o], network.relu)
    layers.to_rows(features.reshape(LANES, SECOND * FEATURES), maps.features)


class Linears(NamedTuple):
    """The linear layers as the forward products read them: transposed, rows padded with zeros.

    With 128 and 96 instead of 120 and 84 columns every row is a whole number of vectors.
    """

    weight1: Float32[Array, "400 128"]
    bias1: Float32[Array, " 128"]
    weight2: Float32[Array, "120 96"]
    bias2: Float32[Array, " 96"]
    weight3: Float32[Array, "84 16"]
    bias3: Float32[Array, " 16"]


class ForwardBuffers(NamedTuple):
    """Buffers for images in the convolutions, and for rows (images or passes) in the linears."""

    maps: Maps
    features: Float32[Array, "rows 16 25"]
    linears: Linears
    hidden1: Float32[Array, "rows 128"]
    hidden2: Float32[Array, "rows 96"]
    logits: Float32[Array, "rows 16"]


@inlined
def set_linears(linears: Linears, parameters: Parameters) -> None:
    """Transpose and pad the linear layers for `classify`; once for all that share parameters."""
    layers.transpose(linears.weight1, parameters.linear1_weight)
    layers.transpose(linears.weight2, parameters.linear2_weight)
    layers.transpose(linears.weight3, parameters.linear3_weight)
    layers.copy(linears.bias1, parameters.linear1_bias)
    layers.copy(linears.bias2, parameters.linear2_bias)
    layers.copy(linears.bias3, parameters.linear3_bias)


add_to_hidden2, add_to_logits = layers.product(96), layers.product(16)


@inlined
def classify(
    network: KernelNetwork,
    workspace: ForwardBuffers,
    keep_mask: Bool[Array, "rows 22"],
    units: Bool[Array, "unit_rows 204"],
) -> None:
    """The logits of as many rows of the workspace's features as there are masks of channels."""
    layers.fill_rows(workspace.hidden1[: keep_mask.shape[0]], workspace.linears.bias1)
    weights = workspace.linears.weight1
    layers.add_kept_channels(workspace.hidden1, workspace.features, keep_mask, weights)
    classify_sums(network, workspace, keep_mask.shape[0], units)


@inlined
def classify_sums(
    network: KernelNetwork,
    workspace: ForwardBuffers,
    rows: int,
    units: Bool[Array, "unit_rows 204"],
) -> None:
    """logits = W₃·f(W₂·f(sums of the first linear layer) + b₂) + b₃; f: tanh, or ReLU.

    Dropout keeps these units of both hidden layers, if their mask has rows. Of one row more if the
    number of rows is odd.
    """
    even, linears = (rows + 1) // 2 * 2, workspace.linears
    hidden1, hidden2 = workspace.hidden1[:even], workspace.hidden2[:even]
    logits = workspace.logits[:even]
    layers.activate(hidden1, network.relu)
    layers.drop_units(hidden1, units[:, :HIDDEN_1], network.unit_scale)
    layers.fill_rows(hidden2, linears.bias2)
    add_to_hidden2(hidden2, hidden1, linears.weight2)
    layers.activate(hidden2, network.relu)
    layers.drop_units(hidden2, units[:, HIDDEN_1:], network.unit_scale)
    layers.fill_rows(logits, linears.bias3)
    add_to_logits(logits, hidden2, linears.weight3)


CORNER = 28
"""Size of one corner of all 25 squares: padded, so that corners begin on 16-byte borders."""


class PartialMaps(NamedTuple):
    """Buffers for the terms of sixteen images' second maps, and for what some of them add up to.

    Attributes:
        total, features: of one sub-network's channel.
        contributions: what this channel adds to the first linear layer, by the first channels that
            are kept.
        known: which of them are computed.
    """

    terms: Float32[Array, "16 16 6 4*28"]
    total: Float32[Array, " 4*28"]
    features: Float32[Array, " 25"]
    contributions: Float32[Array, "64 128"]
    known: Bool[Array, " 64"]


@inlined
def set_partial_maps(
    terms: Float32[Array, "16 16 6 4*28"], parameters: Parameters, maps: Maps
) -> None:
    """terms[image, o, c] = conv(first map c) with the kernel from c to o, for all 96 pairs."""
    values = maps.second[0]
    for o in range(SECOND):
        for c in range(FIRST):
            values[:] = f4(0)
            layers.add_second_convolution(values, maps.pooled[c], parameters.conv2_weight[o, c])
            split_corners(terms, o, c, values)


@kernel
def split_corners(
    terms: Float32[Array, "16 16 6 4*28"], o: int, c: int, values: Float32[Array, "10 10*16"]
) -> None:
    """Sort 10x10 maps by the position in a 2x2 square: pooling then adds four contiguous parts."""
    for lane in range(LANES):
        target = terms[lane, o, c]
        for corner in range(4):
            for r in range(5):
                row = values[2 * r + corner // 2, (corner % 2) * LANES + lane :]
                for j in range(5):
                    target[CORNER * corner + 5 * r + j] = row[2 * LANES * j]


@kernel
def combine(
    features: Float32[Array, " 25"],
    terms: Float32[Array, "6 4*28"],
    total: Float32[Array, " 4*28"],
    bias: np.float32,
    keep_mask: Bool[Array, "6+"],
    scale: np.float32,
    relu: bool,
) -> None:
    """An image's channel: scale · pool(f(bias + Σ terms of the kept first channels)).

    ``total`` is a buffer for the sum.
    """
    total[:] = bias
    for c in range(FIRST):
        if keep_mask[c]:
            term = terms[c]
            for i in range(4 * CORNER):
                total[i] += term[i]
    if relu:
        for i in range(FEATURES):
            upper = larger(total[i], total[i + CORNER])
            lower = larger(total[i + 2 * CORNER], total[i + 3 * CORNER])
            features[i] = scale * rectify(larger(upper, lower))
        return
    for i in range(4 * CORNER):
        total[i] = tanh(total[i])
    for i in range(FEATURES):
        square = (total[i] + total[i + CORNER]) + (total[i + 2 * CORNER] + total[i + 3 * CORNER])
        features[i] = scale * f4(0.25) * square


@kernel
def add_shared_channel(
    hidden1: Float32[Array, "more 128"],
    network: KernelNetwork,
    weights: Float32[Array, "25 128"],
    partial: PartialMaps,
    image: int,
    o: int,
    keep_mask: Bool[Array, "passes 22"],
    first: Int64[Array, " passes"],
) -> None:
    """Add channel o to the passes that keep it; those with the same first channels share it."""
    terms, bias = partial.terms[image, o], network.parameters.conv2_bias[o]
    scale, features = network.kept_scale, partial.features
    partial.known[:] = False
    for i in range(keep_mask.shape[0]):
        if keep_mask[i, FIRST + o]:
            contribution, total = partial.contributions[first[i]], hidden1[i]
            if not partial.known[first[i]]:
                partial.known[first[i]] = True
                combine(features, terms, partial.total, bias, keep_mask[i], scale, network.relu)
                contribution[:] = f4(0)
                layers.add_channel(contribution, features, weights)
            for k in range(contribution.size):
                total[k] += contribution[k]


PASSES = 128
"""Passes that go through the linear layers together; no bit depends on it."""


_WORKSPACE = ThreadBuffers(ForwardBuffers, rows=PASSES)
_PARTIAL = ThreadBuffers(PartialMaps)


def logits_and_features(
    network: KernelNetwork,
    images: Float32[Array, "images 28 28"],
    keep_mask: Bool[Array, "images kept"] | None = None,
) -> tuple[Float32[Array, "images 10"], Float32[Array, "images 84"]]:
    """The network's logits for each image, and what its last layer gets.

    Args:
        network: may be used by several threads.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        keep_mask: the channels, or units, that dropout keeps of each image. None: dropout off.
    """
    images = checked_images(images)
    if keep_mask is None:
        network = network._replace(kept_scale=f4(1))
    masks = checked_masks(network, keep_mask, len(images))
    out, penultimate = (np.empty((len(images), width), f4) for width in (CLASSES, HIDDEN_2))
    compile_kernels()
    every = np.arange(len(images))
    _evaluate(network, images, every, *masks, _WORKSPACE.own, out, penultimate)
    return out, penultimate


@kernel
def _evaluate(
    network: KernelNetwork,
    images: Float32[Array, "images 28*28"],
    every: Int64[Array, " images"],
    keep_mask: Bool[Array, "images 22"],
    units: Bool[Array, "unit_rows 204"],
    workspace: ForwardBuffers,
    out: Float32[Array, "images 10"],
    penultimate: Float32[Array, "images 84"],
) -> None:
    """Fill ``out`` and ``penultimate``, sixteen images at a time."""
    maps = workspace.maps
    set_linears(workspace.linears, network.parameters)
    for start in range(0, images.shape[0], LANES):
        chosen, masks = every[start : start + LANES], keep_mask[start : start + LANES]
        first_layer(network, images, chosen, masks, maps)
        second_layer(network, maps, workspace.features[:LANES])
        classify(network, workspace, maps.keep, units[start : start + LANES])
        for i in range(chosen.size):
            for k in range(CLASSES):
                out[start + i, k] = workspace.logits[i, k]
            for k in range(HIDDEN_2):
                penultimate[start + i, k] = workspace.hidden2[i, k]


def sample_logits(
    network: KernelNetwork,
    images: Float32[Array, "images 28 28"],
    keep_mask: Bool[Array, "passes kept"],
) -> Float32[Array, "passes images 10"]:
    """The logits of MC-dropout's passes; all images of a pass share its row of the mask.

    The first convolution and the six terms of each map of the second are computed once for each
    image, and what a second channel adds to the first linear layer once for all passes that keep
    the same first channels. Where dropout drops units, all up to the first linear layer is computed
    once for each image.

    Args:
        network: may be used by several threads.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        keep_mask: the channels, or units, that dropout keeps in each pass.
    """
    images = checked_images(images)
    masks, units = checked_masks(network, keep_mask, len(keep_mask))
    out = np.empty((len(keep_mask), len(images), CLASSES), f4)
    compile_kernels()
    every, everything = np.arange(len(images)), np.ones((1, CHANNELS), bool)
    kept, workspace = (masks, first_subsets(masks), units, everything), _WORKSPACE.own
    _sample_logits(network, images, every, *kept, workspace, _PARTIAL.own, out)
    return out


@kernel
def _sample_logits(
    network: KernelNetwork,
    images: Float32[Array, "images 28*28"],
    every: Int64[Array, " images"],
    keep_mask: Bool[Array, "passes 22"],
    first: Int64[Array, " passes"],
    units: Bool[Array, "unit_rows 204"],
    everything: Bool[Array, "1 22"],
    workspace: ForwardBuffers,
    partial: PartialMaps,
    out: Float32[Array, "passes images 10"],
) -> None:
    """Fill ``out``: what passes share of sixteen images at a time, then some passes of each."""
    sums, weights = workspace.hidden1, workspace.linears.weight1
    set_linears(workspace.linears, network.parameters)
    for begin in range(0, images.shape[0], LANES):
        chosen = every[begin : begin + LANES]
        first_layer(network, images, chosen, everything, workspace.maps)
        if network.units:
            second_layer(network, workspace.maps, workspace.features[:LANES])
        else:
            set_partial_maps(partial.terms, network.parameters, workspace.maps)
        for image in range(chosen.size):
            for start in range(0, keep_mask.shape[0], PASSES):
                masks, kept = keep_mask[start : start + PASSES], first[start : start + PASSES]
                layers.fill_rows(sums[: kept.size], workspace.linears.bias1)
                if network.units:
                    own = workspace.features[image : image + 1]
                    layers.add_kept_channels(sums, own, everything, weights)
                    layers.fill_rows(sums[1 : kept.size], sums[0])
                else:
                    for o in range(SECOND):
                        part = weights[FEATURES * o : FEATURES * (o + 1)]
                        add_shared_channel(sums, network, part, partial, image, o, masks, kept)
                classify_sums(network, workspace, kept.size, units[start : start + PASSES])
                for i in range(masks.shape[0]):
                    for k in range(CLASSES):
                        out[start + i, begin + image, k] = workspace.logits[i, k]
