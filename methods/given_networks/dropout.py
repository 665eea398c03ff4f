"""PyTorch's dropout layers, switched on alone and by a mask that all images share.

Masks are drawn by NumPy: the layers' own would come from the global random state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

ALPHA = 1.7580993408473766
"""Alpha dropout sets what it drops to -ALPHA, before it restores mean and variance."""


class Kind(NamedTuple):
    """What a layer drops, and what it puts in its place.

    Attributes:
        axes: with so many axes or more the second one are channels, each dropped as a whole; with
            fewer the layer takes its input for one unbatched image, and drops all or nothing.
            None: numbers are dropped one by one.
        alpha: whether it keeps mean and variance (Klambauer et al. 2017), for SELU networks.
    """

    axes: int | None = None
    alpha: bool = False


KINDS: dict[Callable[..., Any], Kind] = {
    nn.Dropout.forward: Kind(),
    nn.Dropout1d.forward: Kind(axes=3),
    nn.Dropout2d.forward: Kind(axes=2),
    nn.Dropout3d.forward: Kind(axes=5),
    nn.AlphaDropout.forward: Kind(alpha=True),
    nn.FeatureAlphaDropout.forward: Kind(axes=2, alpha=True),
}
"""By what a layer computes: a subclass with a `forward` of its own is none of them."""


def dropout_layers(module: nn.Module) -> dict[str, _DropoutNd]:
    """The dropout layers in a module, by name.

    Raises:
        ValueError: one computes in a way of its own, so it cannot be switched on by a mask.
    """
    layers = {
        name: layer for name, layer in module.named_modules() if isinstance(layer, _DropoutNd)
    }
    for name, layer in layers.items():
        if type(layer).forward not in KINDS:
            raise ValueError(
                f"the dropout layer {name!r} has a forward of its own ({type(layer).__name__}), so "
                "its masks are unknown; put one of PyTorch's dropout layers in its place"
            )
    return layers


def scripted_dropout_layers(module: nn.Module) -> list[str]:
    """The names of those that `torch.jit` has compiled, whose forward no hook can change."""
    kinds = {kind.__name__ for kind in _DropoutNd.__subclasses__()}
    return [
        name
        for name, layer in module.named_modules()
        if isinstance(layer, torch.jit.ScriptModule) and layer.original_name in kinds
    ]


def switched_on(layer: _DropoutNd, inputs: Tensor, random: np.random.Generator) -> Tensor:
    """What the layer would return in training mode, by one mask for all images.

    It is written into the inputs where the layer works in place; alpha dropout never does.
    """
    kind = KINDS[type(layer).forward]
    drawn = random.random(_mask_shape(kind, inputs), dtype=np.float32)
    p: float = layer.p
    keep = torch.from_numpy(drawn >= p).to(inputs)
    if p == 1 or not kind.alpha:
        factor = keep / (1 - p) if p < 1 else keep
        return inputs.mul_(factor) if layer.inplace and not kind.alpha else inputs * factor
    scale: float = ((ALPHA**2 * p + 1) * (1 - p)) ** -0.5
    return (inputs * keep + (keep - 1 + p) * ALPHA) * scale


def _mask_shape(kind: Kind, inputs: Tensor) -> tuple[int, ...]:
    if kind.axes is None:
        return (1, *inputs.shape[1:])
    channels = inputs.shape[1] if inputs.ndim >= kind.axes else 1
    return (1, channels, *[1] * (inputs.ndim - 2))
