"""Logits and features, dropout off or with given masks, of one pass or of many over the images."""

from __future__ import annotations

import threading

import numpy as np
from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels.compilation import compile_kernels, kernel
from methods.engines.lenet5_kernels.forward import (
    PartialMaps,
    Workspace,
    classify,
    first_layer,
    second_layer,
    set_features,
    set_linears,
    set_partial_maps,
)
from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    CLASSES,
    FIRST,
    HIDDEN_2,
    SECOND,
    Array,
    Network,
    buffers,
    checked_images,
    checked_mask,
    f4,
)

IMAGES, PASSES = 64, 128
"""Images, or passes, that go through the linear layers together; no bit depends on them."""


class _Buffers(threading.local):
    """Those of each thread, kept from call to call: to allocate them takes as long as an image."""

    def __init__(self) -> None:
        self.workspace = buffers(Workspace, images=1, rows=max(IMAGES, PASSES))
        self.partial = buffers(PartialMaps)


_BUFFERS = _Buffers()


def logits_and_features(
    network: Network,
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
    network: Network,
    images: Float32[Array, "images 28*28"],
    keep_mask: Bool[Array, "images 22"],
    workspace: Workspace,
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
    network: Network,
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
    network: Network,
    images: Float32[Array, "images 28*28"],
    keep_mask: Bool[Array, "passes 22"],
    everything: Bool[Array, " 6"],
    workspace: Workspace,
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
