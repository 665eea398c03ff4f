"""A user's trained module as a network: its logits, its dropout, its penultimate layer."""

from __future__ import annotations

import logging
from copy import deepcopy
from dataclasses import dataclass
from threading import get_ident
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from methods.given_networks.dropout import dropout_layers, switched_on
from methods.networks.masks import pass_seeds
from methods.networks.network import Network

LOGGER = logging.getLogger(__name__)


@dataclass
class Forward:
    """What the hooks of one forward read and note.

    Attributes:
        images: how many there are.
        random: where dropout's masks come from; None: dropout is off.
        dropped: how often a dropout layer was reached.
        head: the layer whose input are the features, and that input.
    """

    images: int
    random: np.random.Generator | None = None
    dropped: int = 0
    head: tuple[nn.Module, Tensor] | None = None


class GivenNetwork(Network):
    """A trained module of any architecture, input shape and number of classes.

    The module is copied and stays in evaluation mode, batch normalisation included. Its dropout
    layers are switched on alone by forward hooks, which do nothing outside of a pass. Threads may
    share it.

    Args:
        module: images → logits.
        features: the name of the layer whose input are the penultimate features; by default the
            last `nn.Linear` that a forward reaches, which is logged when it is found.
        device: where it computes.

    Attributes:
        dropout_names: its dropout layers.
        head_name: the layer whose input are the features; None until it is found.

    Raises:
        ValueError: there is no such layer, or a dropout layer that cannot be switched on.
    """

    name = "given"

    def __init__(
        self, module: nn.Module, *, features: str | None = None, device: str = "cpu"
    ) -> None:
        super().__init__()
        self.module = deepcopy(module).to(device)
        self.eval()
        self._forwards: dict[int, Forward] = {}
        dropouts = dropout_layers(self.module)
        for dropout in dropouts.values():
            dropout.register_forward_hook(self._drop)
        for candidate in self._candidates(features):
            candidate.register_forward_pre_hook(self._note, with_kwargs=True)
        self.dropout_names, self.head_name = tuple(dropouts), features

    @property
    def head(self) -> nn.Module:  # type: ignore[override]
        """The last layer.

        Raises:
            ValueError: it is not found yet.
        """
        if self.head_name is None:
            raise ValueError("the last layer is found by a forward; call features before")
        return self.module.get_submodule(self.head_name)

    def train(self, mode: bool = True) -> Self:
        """Evaluation mode, whatever is asked for."""
        return super().train(False)

    def extra_repr(self) -> str:
        """Which layers dropout and features are."""
        return f"dropout={list(self.dropout_names)}, head={self.head_name!r}"

    def require_dropout(self) -> None:
        """Check that there is dropout to be switched on, and log where.

        Raises:
            ValueError: there is none.
        """
        dropouts = dropout_layers(self.module).values()
        if not dropouts:
            raise ValueError(
                "the module has no dropout layer; put an nn.Dropout before its last layer and "
                "train it anew. torch.nn.functional.dropout and the dropout of "
                "nn.MultiheadAttention and of recurrent layers cannot be found: write them as "
                "layers"
            )
        if all(dropout.p == 0 for dropout in dropouts):
            raise ValueError("all dropout layers of the module have p = 0, so no pass would differ")
        LOGGER.info("dropout is switched on in the layers %s", ", ".join(self.dropout_names))
        for name, layer in self.module.named_modules():
            if isinstance(layer, (nn.MultiheadAttention, nn.RNNBase)) and layer.dropout:
                LOGGER.warning("the dropout inside of the layer %s stays off", name)

    def forward(
        self, images: Float[Tensor, "images ..."], keep_mask: Bool[Tensor, ...] | None = None
    ) -> Float[Tensor, "images classes"]:
        """Logits, dropout off; there are no masks of channels.

        Raises:
            ValueError: the module does not return logits.
        """
        return self._run(images, Forward(len(images)))

    def features(
        self, images: Float[Tensor, "images ..."], keep_mask: Bool[Tensor, ...] | None = None
    ) -> Float[Tensor, "images width"]:
        """The input of the last layer, dropout off.

        Raises:
            ValueError: no such layer is reached, or its input has no row for each image.
        """
        forward = Forward(len(images))
        self._run(images, forward)
        if forward.head is None:
            what = "no nn.Linear" if self.head_name is None else f"no layer {self.head_name!r}"
            raise ValueError(f"a forward reaches {what}; name the last layer by features=")
        layer, inputs = forward.head
        if self.head_name is None:
            self.head_name = next(n for n, one in self.module.named_modules() if one is layer)
            LOGGER.info(
                "penultimate features: the input of %r, the last nn.Linear that a forward reaches",
                self.head_name,
            )
        self._require_images(self.head_name, inputs, forward.images, exactly=True)
        return inputs.flatten(start_dim=1)

    def passes(self, seed: int, replicate: int, count: int) -> Int64[Tensor, "passes 1"]:
        """The seed of each pass, from which all its masks are drawn."""
        return pass_seeds(seed, replicate, count)[:, None]

    def subnetwork_logits(
        self, images: Float[Tensor, "images ..."], passes: Int64[Tensor, "passes 1"], *, most: int
    ) -> Float[Tensor, "passes images classes"]:
        """Logits of all images with dropout on, one forward a pass.

        Raises:
            ValueError: no dropout layer is reached, or one's input has no row for each image.
        """
        return torch.stack([self._pass(images, int(seed)) for seed in passes])

    def _pass(self, images: Tensor, seed: int) -> Tensor:
        forward = Forward(len(images), np.random.default_rng(seed))
        logits = self._run(images, forward)
        if not forward.dropped:
            raise ValueError(
                f"a forward in evaluation mode reaches none of the dropout layers "
                f"{', '.join(self.dropout_names)}"
            )
        return logits

    def _run(self, images: Tensor, forward: Forward) -> Tensor:
        """The module's logits; its hooks find the forward by their thread."""
        if images.ndim < 2:
            raise ValueError(f"images have the shape {list(images.shape)}; expected [images, ...]")
        self._forwards[get_ident()] = forward
        try:
            outputs = self.module(images)
        finally:
            del self._forwards[get_ident()]
        require_logits(outputs, len(images))
        logits: Tensor = outputs
        return logits

    def _candidates(self, features: str | None) -> list[nn.Module]:
        """The layers of which one is the head."""
        linear = {n: one for n, one in self.module.named_modules() if isinstance(one, nn.Linear)}
        if features is None:
            return list(linear.values())
        try:
            return [self.module.get_submodule(features)]
        except AttributeError as error:
            raise ValueError(
                f"the module has no layer {features!r}; its linear layers are {', '.join(linear)}"
            ) from error

    def _note(self, layer: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Any]) -> None:
        if forward := self._forwards.get(get_ident()):
            forward.head = layer, next(iter((*inputs, *named.values())))

    def _drop(self, layer: Any, _inputs: tuple[Tensor, ...], outputs: Tensor) -> Tensor | None:
        """A dropout layer in evaluation mode returned its input."""
        forward = self._forwards.get(get_ident())
        if forward is None or forward.random is None:
            return None
        self._require_images(type(layer).__name__, outputs, forward.images, exactly=False)
        forward.dropped += 1
        return switched_on(layer, outputs, forward.random)

    @staticmethod
    def _require_images(layer: str, inputs: Tensor, images: int, *, exactly: bool) -> None:
        """Rows are images, or (for dropout) parts of images."""
        rows = inputs.shape[0] if inputs.ndim > 1 else 0
        if rows != images and (exactly or not rows or rows % images):
            raise ValueError(
                f"the layer {layer} gets the shape {list(inputs.shape)} for {images} images; its "
                "first axis must be the images"
            )


def require_logits(outputs: object, images: int) -> None:
    """Check what a module returns.

    Raises:
        ValueError: it is not [images, classes], or its rows are probabilities.
    """
    if not isinstance(outputs, Tensor):
        raise ValueError(
            f"the module returns a {type(outputs).__name__}; wrap it in one that returns logits, "
            "a tensor [images, classes]"
        )
    if outputs.ndim != 2 or outputs.shape[0] != images or outputs.shape[1] < 2:
        raise ValueError(
            f"the module returns the shape {list(outputs.shape)} for {images} images; expected "
            "logits, [images, classes] with at least two classes"
        )
    if images and _are_probabilities(outputs):
        raise ValueError(
            "the module returns probabilities (rows sum to 1); leave out its softmax, so that it "
            "returns logits"
        )


def _are_probabilities(outputs: Tensor) -> bool:
    sums = outputs.double().sum(dim=1)
    return bool((outputs >= 0).all() and ((sums - 1).abs() < 1e-3).all())
