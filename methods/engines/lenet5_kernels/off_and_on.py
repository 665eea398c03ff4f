"""Logits of the same images with dropout off and with a mask an image, the shared work done once.

The first layer does not depend on the masks, and a map of the second is a sum over first maps: the
terms of the kept ones are added first, then the others.
"""

from __future__ import annotations

import threading

import numpy as np
from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels import check
from methods.engines.lenet5_kernels.check import Network
from methods.engines.lenet5_kernels.compilation import compile_kernels, inlined, kernel
from methods.engines.lenet5_kernels.forward import (
    Workspace,
    classify,
    first_layer,
    first_rows,
    set_linears,
)
from methods.engines.lenet5_kernels.layers.arithmetic import tanh
from methods.engines.lenet5_kernels.layers.convolution import add_second_convolutions
from methods.engines.lenet5_kernels.layers.max_pooling import max_pool_second
from methods.engines.lenet5_kernels.layers.resizing import pool_second
from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    CLASSES,
    FIRST,
    SECOND,
    SECOND_MAP,
    Array,
    Constants,
    Maps,
    Parameters,
    buffers,
    f4,
)

IMAGES = 64
"""Images that go through the linear layers together; no bit depends on them."""


class _Buffers(threading.local):
    """Those of each thread, kept from call to call."""

    def __init__(self) -> None:
        self.workspace = buffers(Workspace, rows=IMAGES)
        self.dropped = np.zeros_like(self.workspace.features)


_BUFFERS = _Buffers()


def logits_off_and_on(
    network: Network,
    images: Float32[Array, "images 28 28"],
    keep_mask: Bool[Array, "images 22"],
) -> tuple[Float32[Array, "images 10"], Float32[Array, "images 10"]]:
    """The network's logits for each image with dropout off, and with its row of the mask.

    Equal to those of `logits` up to rounding.

    Args:
        network: may be used by several threads.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        keep_mask: the channels that dropout keeps of each image.
    """
    images = check.images(images)
    keep_mask = check.keep_mask(keep_mask, len(images))
    off, on = np.empty((2, len(images), CLASSES), f4)
    compile_kernels()
    _logits_off_and_on(
        network.parameters,
        images,
        keep_mask,
        np.ones((IMAGES, CHANNELS), bool),
        network.constants,
        network.constants._replace(kept_scale=f4(1)),
        _BUFFERS.workspace,
        _BUFFERS.dropped,
        off,
        on,
    )
    return off, on


@kernel
def _logits_off_and_on(
    parameters: Parameters,
    images: Float32[Array, "images 28*28"],
    keep_mask: Bool[Array, "images 22"],
    keep_all: Bool[Array, "rows 22"],
    constants: Constants,
    unscaled: Constants,
    workspace: Workspace,
    dropped: Float32[Array, "rows 16 25"],
    off: Float32[Array, "images 10"],
    on: Float32[Array, "images 10"],
) -> None:
    """Fill ``off`` and ``on``, some images at a time."""
    maps, features, linears, activations = workspace
    set_linears(linears, parameters)
    for start in range(0, images.shape[0], IMAGES):
        part, masks = images[start : start + IMAGES], keep_mask[start : start + IMAGES]
        count = part.shape[0]
        for i in range(count):
            first_layer(parameters, part[i], keep_all[0], unscaled, maps)
            second_layers(parameters, masks[i], constants, maps, features[i], dropped[i])
        rows = first_rows(activations, count)
        classify(linears, features[:count], keep_all, rows, constants.relu)
        for i in range(count):
            for k in range(CLASSES):
                off[start + i, k] = rows.logits[i, k]
        classify(linears, dropped[:count], masks, rows, constants.relu)
        for i in range(count):
            for k in range(CLASSES):
                on[start + i, k] = rows.logits[i, k]


@inlined
def second_layers(
    parameters: Parameters,
    keep_mask: Bool[Array, " 22"],
    constants: Constants,
    maps: Maps,
    features: Float32[Array, "16 25"],
    dropped: Float32[Array, "16 25"],
) -> None:
    """The pooled second maps with dropout off, and the kept ones with dropout on."""
    values, scale, relu = maps.first[0], constants.kept_scale, constants.relu
    for o in range(SECOND):
        maps.second[o, :] = f4(0)
    add_second_maps(parameters, keep_mask, True, maps)
    for o in range(SECOND):
        if keep_mask[FIRST + o]:
            activate_and_pool(
                dropped[o], maps.second[o], parameters.conv2_bias[o], scale, relu, values
            )
    add_second_maps(parameters, keep_mask, False, maps)
    for o in range(SECOND):
        activate_and_pool(
            features[o], maps.second[o], parameters.conv2_bias[o], f4(1), relu, values
        )


@kernel
def add_second_maps(
    parameters: Parameters, keep_mask: Bool[Array, "6+"], kept: bool, maps: Maps
) -> None:
    """Add conv(first map c) to all second maps, for the c that are kept, or for the others."""
    second, weight = maps.second, parameters.conv2_weight
    for c in range(FIRST):
        if keep_mask[c] == kept:
            for o in range(0, SECOND, 2):
                add_second_convolutions(
                    second[o], second[o + 1], maps.shifted[c], weight[o, c], weight[o + 1, c]
                )


@inlined
def activate_and_pool(
    features: Float32[Array, " 25"],
    total: Float32[Array, " 160"],
    bias: np.float32,
    scale: np.float32,
    relu: bool,
    values: Float32[Array, " longer"],
) -> None:
    """features = scale · pool(f(scale · total + bias)); ``values`` is a buffer."""
    if relu:
        add_bias(values, total, bias, scale)
        max_pool_second(features, values, scale)
    else:
        activate(values, total, bias, scale)
        pool_second(features, values, scale)


@kernel
def add_bias(
    values: Float32[Array, " longer"],
    total: Float32[Array, " 160"],
    bias: np.float32,
    scale: np.float32,
) -> None:
    """values = scale · total + bias."""
    for i in range(SECOND_MAP):
        values[i] = scale * total[i] + bias


@kernel
def activate(
    values: Float32[Array, " longer"],
    total: Float32[Array, " 160"],
    bias: np.float32,
    scale: np.float32,
) -> None:
    """values = tanh(scale · total + bias)."""
    for i in range(SECOND_MAP):
        values[i] = tanh(scale * total[i] + bias)
