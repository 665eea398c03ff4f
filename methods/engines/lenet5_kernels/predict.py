"""Logits of one pass: dropout off, or with given masks."""

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
    second_layer,
    set_linears,
    workspace,
)
from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    CLASSES,
    Array,
    Parameters,
    Scales,
    f4,
    views,
)

TOGETHER = 64
"""Images that pass the linear layers together; results do not depend on it."""


def logits(
    parameters: Float32[Array, " 61706"],
    images: Float32[Array, "images 28 28"],
    kept: Bool[Array, " 22"] | Bool[Array, "images 22"] | None = None,
    *,
    mean: float,
    std: float,
    dropout: float = 0.0,
) -> Float32[Array, "images 10"]:
    """The network's logits for each image.

    Args:
        parameters: of one network, in the order of torch's ``parameters_to_vector``.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        kept: the channels that dropout keeps, one mask for all images or one for each. None: the
            whole network, dropout off.
        mean, deviation: the normalisation, ``(image - mean) / deviation``.
        dropout: probability p that a channel was dropped; kept ones are scaled by 1 / (1 - p).
            It has no effect without masks.
    """
    vector, images = check.parameters(parameters), check.images(images)
    if kept is None:
        dropout = 0.0
    elif kept.shape == (CHANNELS,):
        kept = np.tile(kept, (len(images), 1))
    masks, scales = check.kept(kept, len(images)), check.scales(mean, std, dropout)
    out = np.empty((len(images), CLASSES), f4)
    compile_kernels()
    _logits(views(vector), images, masks, scales, workspace(TOGETHER), out)
    return out


@kernel
def _logits(
    parameters: Parameters,
    images: Float32[Array, "images 28*28"],
    kept: Bool[Array, "images 22"],
    scales: Scales,
    workspace: Workspace,
    out: Float32[Array, "images 10"],
) -> None:
    """Fill ``out``, some images at a time."""
    maps, features, linears, activations = workspace
    set_linears(linears, parameters)
    for start in range(0, images.shape[0], TOGETHER):
        part, masks = images[start : start + TOGETHER], kept[start : start + TOGETHER]
        for i in range(part.shape[0]):
            first_layer(parameters, part[i], masks[i], scales, maps)
            second_layer(parameters, masks[i], scales, maps, features[i])
        rows = first_rows(activations, part.shape[0])
        classify(linears, features[: part.shape[0]], masks, rows)
        for i in range(part.shape[0]):
            for k in range(CLASSES):
                out[start + i, k] = rows.logits[i, k]
