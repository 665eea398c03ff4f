"""What each layer of a network gets and what moves its outputs, for an image at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import unfold

Layer = nn.Linear | nn.Conv2d


@dataclass(frozen=True, eq=False)
class Signals:
    """Of one layer, at each position at which its weights are used; a linear layer has one.

    With them, the derivative of a sum of logits by the layer's weights is Σ_p gradients inputsᵀ,
    and by its biases Σ_p gradients.

    Attributes:
        inputs: the layer's inputs; a convolution's patches.
        gradients: the derivative by its outputs, in each of the directions.
    """

    inputs: Float[Tensor, "images inputs positions"]
    gradients: Float[Tensor, "images directions outputs positions"]

    def derivative(self) -> Float[Tensor, "images directions outputs inputs"]:
        """By the weights."""
        images, directions, outputs, _ = self.gradients.shape
        flat = self.gradients.flatten(1, 2) @ self.inputs.transpose(1, 2)
        return flat.reshape(images, directions, outputs, -1)


@dataclass
class LayerSignals:
    """The signals of all linear layers and convolutions of a network, in evaluation mode.

    Args:
        network: copied; other layers with weights stay as they are.

    Raises:
        ValueError: it has no such layer, or a convolution in groups or with other padding than
            zeros.
    """

    network: nn.Module
    layers: list[Layer] = field(init=False)

    def __post_init__(self) -> None:
        self.network = deepcopy(self.network).eval().requires_grad_(True)
        self.layers = [one for one in self.network.modules() if isinstance(one, Layer)]
        if not self.layers:
            raise ValueError("the network has neither an nn.Linear nor an nn.Conv2d")
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d) and (layer.groups > 1 or layer.padding_mode != "zeros"):
                raise ValueError(
                    f"a convolution is in groups, or pads with other than zeros: {layer}"
                )

    def logits(self, images: Tensor) -> Float[Tensor, "images classes"]:
        """Of the network."""
        with torch.no_grad():
            outputs: Tensor = self.network(images)
        return outputs

    @torch.enable_grad()
    def of(
        self, images: Tensor, directions: Float[Tensor, "images directions classes"]
    ) -> tuple[Float[Tensor, "images classes"], list[Signals]]:
        """The logits, and each layer's signals of Σ_c directions_c logits_c.

        Raises:
            ValueError: a layer is used more than once, or not at all.
        """
        with _noted(self.layers) as calls:
            logits = self.network(images)
        used = [calls.get(layer, []) for layer in self.layers]
        if any(len(one) != 1 for one in used):
            raise ValueError("each linear layer and convolution must be used exactly once")
        outputs = [output for ((_, output),) in used]
        gradients = [
            torch.autograd.grad(logits, outputs, direction, retain_graph=True)
            for direction in directions.unbind(dim=1)
        ]
        signals = [
            Signals(_inputs(layer, inputs.detach()), _by_position(layer, torch.stack(of_layer, 1)))
            for layer, ((inputs, _),), of_layer in zip(
                self.layers, used, zip(*gradients, strict=True), strict=True
            )
        ]
        return logits.detach(), signals


@contextmanager
def _noted(layers: list[Layer]) -> Iterator[dict[nn.Module, list[tuple[Tensor, Tensor]]]]:
    """Inputs and outputs of each call of a layer; what follows in place gets a copy of these."""
    calls: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        calls.setdefault(layer, []).append((inputs[0], output))
        return output.clone()

    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _inputs(layer: Layer, inputs: Tensor) -> Float[Tensor, "images inputs positions"]:
    if isinstance(layer, nn.Linear):
        return inputs.flatten(1, -2).transpose(1, 2) if inputs.ndim > 2 else inputs[:, :, None]
    if isinstance(layer.padding, str):
        raise ValueError(f"a convolution's padding is given by name: {layer}")
    return unfold(inputs, layer.kernel_size, layer.dilation, layer.padding, layer.stride)


def _by_position(
    layer: Layer, gradients: Float[Tensor, "images directions ..."]
) -> Float[Tensor, "images directions outputs positions"]:
    if isinstance(layer, nn.Conv2d):
        return gradients.flatten(3)
    if gradients.ndim == 3:
        return gradients[..., None]
    return gradients.flatten(2, -2).transpose(2, 3)
