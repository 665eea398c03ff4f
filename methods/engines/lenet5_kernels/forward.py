"""The network forwards: per image through the convolutions, then all images through the linears.

The masks are known beforehand, so a dropped channel costs nothing: neither its map nor its part
in any sum is computed. A channel of which nothing reaches the next layer leaves it its bias.

Many sub-networks of one image share work: a map of the second convolution is a sum over the first
maps that dropout keeps, whose six terms do not depend on the masks. They are computed once for each
image, and a sub-network only adds some.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels.compilation import compile_kernels, inlined, kernel
from methods.engines.lenet5_kernels.layers import (
    activate,
    add_first_convolution,
    add_kept_products,
    add_product,
    add_second_convolution,
    add_second_convolutions,
    copy,
    fill_rows,
    pool_first,
    pool_second,
    resize,
    shift_left,
    transpose,
)
from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    CLASSES,
    FEATURES,
    FIRST,
    HIDDEN_2,
    PIXELS,
    POOLED_MAP,
    SECOND,
    Array,
    KernelNetwork,
    Maps,
    Parameters,
    buffers,
    checked_images,
    checked_mask,
    f4,
    larger,
    rectify,
    tanh,
)


@inlined
def first_layer(
    network: KernelNetwork,
    image: Float32[Array, " 28*28"],
    keep_mask: Bool[Array, "6+"],
    maps: Maps,
    i: int,
) -> None:
    """Each kept channel: conv(pixels) + bias, activated, pooled, scaled, in five shifted copies.

    Of maps that the way back needs, the image has those numbered ``i``.
    """
    resize(maps.row[i], image, maps.tall, network.pixel_scale, network.pixel_offset)
    shift_left(maps.pixels, maps.row[i], PIXELS)
    for c in range(FIRST):
        if keep_mask[c]:
            values, pooled = maps.first[i, c], maps.pooled[i, c]
            values[:] = network.parameters.conv1_bias[c]
            add_first_convolution(values, maps.pixels, network.parameters.conv1_weight[c])
            pool_first(pooled, values, network.kept_scale, network.relu)
            shift_left(maps.shifted[c], pooled, POOLED_MAP)


@inlined
def second_layer(
    network: KernelNetwork,
    keep_mask: Bool[Array, " 22"],
    maps: Maps,
    i: int,
    features: Float32[Array, "16 25"],
) -> None:
    """Each kept channel: Σ conv(kept first maps) + bias, activated, pooled, scaled; others 0."""
    for o in range(SECOND):
        maps.second[i, o, :] = network.parameters.conv2_bias[o]
    for c in range(FIRST):
        if keep_mask[c]:
            for o in range(0, SECOND, 2):
                add_to_two_maps(network.parameters, keep_mask, maps, i, c, o)
    for o in range(SECOND):
        if keep_mask[FIRST + o]:
            pool_second(features[o], maps.second[i, o], network.kept_scale, network.relu)
        else:
            features[o, :] = f4(0)


@inlined
def add_to_two_maps(
    parameters: Parameters, keep_mask: Bool[Array, " 22"], maps: Maps, i: int, c: int, o: int
) -> None:
    """Add conv(first map c) to the second maps o and o + 1, as far as they are kept."""
    inputs, weight, second = maps.shifted[c], parameters.conv2_weight, maps.second[i]
    if keep_mask[FIRST + o] and keep_mask[FIRST + o + 1]:
        add_second_convolutions(second[o], second[o + 1], inputs, weight[o, c], weight[o + 1, c])
    elif keep_mask[FIRST + o]:
        add_second_convolution(second[o], inputs, weight[o, c])
    elif keep_mask[FIRST + o + 1]:
        add_second_convolution(second[o + 1], inputs, weight[o + 1, c])


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
    transpose(linears.weight1, parameters.linear1_weight)
    transpose(linears.weight2, parameters.linear2_weight)
    transpose(linears.weight3, parameters.linear3_weight)
    copy(linears.bias1, parameters.linear1_bias)
    copy(linears.bias2, parameters.linear2_bias)
    copy(linears.bias3, parameters.linear3_bias)


@inlined
def classify(workspace: ForwardBuffers, keep_mask: Bool[Array, "rows 22"], relu: bool) -> None:
    """logits = W₃·f(W₂·f(W₁·features + b₁) + b₂) + b₃; f: tanh, or ReLU.

    Of as many rows of the workspace as there are masks.
    """
    rows, linears = keep_mask.shape[0], workspace.linears
    hidden1, hidden2 = workspace.hidden1[:rows], workspace.hidden2[:rows]
    logits = workspace.logits[:rows]
    fill_rows(hidden1, linears.bias1)
    add_kept_products(hidden1, workspace.features[:rows], keep_mask, linears.weight1)
    activate(hidden1, relu)
    fill_rows(hidden2, linears.bias2)
    add_product(hidden2, hidden1, linears.weight2)
    activate(hidden2, relu)
    fill_rows(logits, linears.bias3)
    add_product(logits, hidden2, linears.weight3)


CORNER = 28
"""Size of one corner of all 25 squares: padded, so that corners begin on 16-byte borders."""


class PartialMaps(NamedTuple):
    """Buffers for the terms of every second map, and for the sum of some of them."""

    terms: Float32[Array, "16 6 4*28"]
    total: Float32[Array, " 4*28"]


@inlined
def set_partial_maps(partial: PartialMaps, parameters: Parameters, maps: Maps) -> None:
    """terms[o, c] = conv(first map c) with the kernel from c to o, for all 96 pairs."""
    values = maps.second[0, 0]
    for o in range(SECOND):
        for c in range(FIRST):
            values[:] = f4(0)
            add_second_convolution(values, maps.shifted[c], parameters.conv2_weight[o, c])
            split_corners(partial.terms[o, c], values)


@kernel
def split_corners(corners: Float32[Array, " 4*28"], values: Float32[Array, " 10*16"]) -> None:
    """Sort a 10x10 map by the position in a 2x2 square: pooling then adds four contiguous parts."""
    for corner in range(4):
        start = 16 * (corner // 2) + corner % 2
        target = corners[CORNER * corner : CORNER * corner + FEATURES]
        for r in range(5):
            for j in range(5):
                target[5 * r + j] = values[start + 32 * r + 2 * j]


@inlined
def set_features(
    features: Float32[Array, " 25"],
    network: KernelNetwork,
    partial: PartialMaps,
    o: int,
    keep_mask: Bool[Array, "6+"],
) -> None:
    """Channel o's features: scale · pool(f(bias + Σ terms of the kept first channels))."""
    bias, scale = network.parameters.conv2_bias[o], network.kept_scale
    combine(features, partial.terms[o], partial.total, bias, keep_mask, scale, network.relu)


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
    """What `set_features` computes; ``total`` is a buffer for the sum."""
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


IMAGES, PASSES = 64, 128
"""Images, or passes, that go through the linear layers together; no bit depends on them."""


class _ThreadBuffers(threading.local):
    """Those of each thread, kept from call to call: to allocate them takes as long as an image."""

    def __init__(self) -> None:
        self.workspace = buffers(ForwardBuffers, images=1, rows=max(IMAGES, PASSES))
        self.partial = buffers(PartialMaps)


_BUFFERS = _ThreadBuffers()


def logits_and_features(
    network: KernelNetwork,
    images: Float32[Array, "images 28 28"],
    keep_mask: Bool[Array, " 22"] | Bool[Array, "images 22"] | None = None,
) -> tuple[Float32[Array, "images 10"], Float32[Array, "images 84"]]:
    """The network's logits for each image, and what its last layer gets.

    Args:
        network: may be used by several threads.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        keep_mask: the channels that dropout keeps, one row or one an image. None: the whole
            network, dropout off.
    """
    images = checked_images(images)
    if keep_mask is None:
        network = network._replace(kept_scale=f4(1))
    elif keep_mask.shape == (CHANNELS,):
        keep_mask = np.tile(keep_mask, (len(images), 1))
    keep_mask = checked_mask(keep_mask, len(images))
    out, penultimate = (np.empty((len(images), width), f4) for width in (CLASSES, HIDDEN_2))
    compile_kernels()
    _evaluate(network, images, keep_mask, _BUFFERS.workspace, out, penultimate)
    return out, penultimate


@kernel
def _evaluate(
    network: KernelNetwork,
    images: Float32[Array, "images 28*28"],
    keep_mask: Bool[Array, "images 22"],
    workspace: ForwardBuffers,
    out: Float32[Array, "images 10"],
    penultimate: Float32[Array, "images 84"],
) -> None:
    """Fill ``out`` and ``penultimate``, some images at a time."""
    set_linears(workspace.linears, network.parameters)
    for start in range(0, images.shape[0], IMAGES):
        part, masks = images[start : start + IMAGES], keep_mask[start : start + IMAGES]
        for i in range(part.shape[0]):
            first_layer(network, part[i], masks[i], workspace.maps, 0)
            second_layer(network, masks[i], workspace.maps, 0, workspace.features[i])
        classify(workspace, masks, network.relu)
        for i in range(part.shape[0]):
            for k in range(CLASSES):
                out[start + i, k] = workspace.logits[i, k]
            for k in range(HIDDEN_2):
                penultimate[start + i, k] = workspace.hidden2[i, k]


def sample_logits(
    network: KernelNetwork,
    images: Float32[Array, "images 28 28"],
    keep_mask: Bool[Array, "passes 22"],
) -> Float32[Array, "passes images 10"]:
    """The logits of MC-dropout's passes; all images of a pass share its row of the mask.

    The first convolution and the six terms of each map of the second are computed once for each
    image; a pass only adds the terms of the channels that it keeps.

    Args:
        network: may be used by several threads.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        keep_mask: the channels that dropout keeps in each pass.
    """
    images, keep_mask = checked_images(images), checked_mask(keep_mask, len(keep_mask))
    out = np.empty((len(keep_mask), len(images), CLASSES), f4)
    compile_kernels()
    everything = np.ones(FIRST, bool)
    _sample_logits(
        network, images, keep_mask, everything, _BUFFERS.workspace, _BUFFERS.partial, out
    )
    return out


@kernel
def _sample_logits(
    network: KernelNetwork,
    images: Float32[Array, "images 28*28"],
    keep_mask: Bool[Array, "passes 22"],
    everything: Bool[Array, " 6"],
    workspace: ForwardBuffers,
    partial: PartialMaps,
    out: Float32[Array, "passes images 10"],
) -> None:
    """Fill ``out`` image by image, some passes at a time."""
    set_linears(workspace.linears, network.parameters)
    for image in range(images.shape[0]):
        first_layer(network, images[image], everything, workspace.maps, 0)
        set_partial_maps(partial, network.parameters, workspace.maps)
        for start in range(0, keep_mask.shape[0], PASSES):
            masks = keep_mask[start : start + PASSES]
            for i in range(masks.shape[0]):
                for o in range(SECOND):
                    if masks[i, FIRST + o]:
                        set_features(workspace.features[i, o], network, partial, o, masks[i])
            classify(workspace, masks, network.relu)
            for i in range(masks.shape[0]):
                for k in range(CLASSES):
                    out[start + i, image, k] = workspace.logits[i, k]
