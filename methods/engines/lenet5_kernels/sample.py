"""MC-dropout: the logits of many passes over the same images."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels import check
from methods.engines.lenet5_kernels.compilation import compile_kernels, kernel
from methods.engines.lenet5_kernels.forward import (
    Workspace,
    classify,
    first_layer,
    first_rows,
    set_linears,
    workspace,
)
from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    CLASSES,
    FIRST,
    SECOND,
    Array,
    Parameters,
    Scales,
    f4,
    views,
)
from methods.engines.lenet5_kernels.partial_maps import (
    PartialMaps,
    combine,
    partial_maps_room,
    set_partial_maps,
)

TOGETHER = 128
"""Passes that go through the linear layers together; results do not depend on it."""


def sample_logits(
    parameters: Float32[Array, " 61706"],
    images: Float32[Array, "images 28 28"],
    kept: Bool[Array, "passes 22"],
    *,
    mean: float,
    std: float,
    dropout: float,
) -> Float32[Array, "passes images 10"]:
    """The logits of one pass for each mask; a mask is shared by all images of its pass.

    The first convolution and the six terms of each map of the second are computed once for each
    image; a pass only adds the terms of the channels that it keeps.

    Args:
        parameters: of one network, in the order of torch's ``parameters_to_vector``.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        kept: the channels that dropout keeps in each pass.
        mean, deviation: the normalisation, ``(image - mean) / deviation``.
        dropout: probability p that a channel was dropped; kept ones are scaled by 1 / (1 - p).
    """
    vector, images = check.parameters(parameters), check.images(images)
    masks, scales = check.kept(kept, len(kept)), check.scales(mean, std, dropout)
    out = np.empty((len(masks), len(images), CLASSES), f4)
    compile_kernels()
    _sample_logits(
        views(vector),
        images,
        masks,
        np.ones(CHANNELS, bool),
        scales,
        workspace(TOGETHER),
        partial_maps_room(),
        out,
    )
    return out


@kernel
def _sample_logits(
    parameters: Parameters,
    images: Float32[Array, "images 28*28"],
    kept: Bool[Array, "passes 22"],
    all_kept: Bool[Array, " 22"],
    scales: Scales,
    workspace: Workspace,
    partial: PartialMaps,
    out: Float32[Array, "passes images 10"],
) -> None:
    """Fill ``out`` image by image, some passes at a time."""
    maps, features, linears, activations = workspace
    set_linears(linears, parameters)
    for image in range(images.shape[0]):
        first_layer(parameters, images[image], all_kept, scales, maps)
        set_partial_maps(partial, parameters, maps)
        for start in range(0, kept.shape[0], TOGETHER):
            masks = kept[start : start + TOGETHER]
            for i in range(masks.shape[0]):
                for o in range(SECOND):
                    if masks[i, FIRST + o]:
                        combine(
                            features[i, o], partial, o, parameters.conv2_bias[o], masks[i], scales
                        )
            rows = first_rows(activations, masks.shape[0])
            classify(linears, features[: masks.shape[0]], masks, rows)
            for i in range(masks.shape[0]):
                for k in range(CLASSES):
                    out[start + i, image, k] = rows.logits[i, k]
