"""A user's trained module as a network: its logits, its dropout, its penultimate layer."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from methods.given_networks.dropout import dropout_layers, scripted_dropout_layers, switched_on
from methods.given_networks.requirements import (
    copied,
    require_no_probabilities,
    require_rows,
    require_shared_masks,
    without_random_numbers,
)
from methods.networks.masks import pass_seeds
from methods.networks.network import Network

LOGGER = logging.getLogger(__name__)


@dataclass
class Forward:
    """What the hooks of one forward read and note.

    Attributes:
        random: where dropout's masks come from; None: dropout is off.
        dropped: each time that a dropout layer was reached, with the shape of its input.
        head: the layer whose input are the features, and that input.
    """

    random: np.random.Generator | None = None
    dropped: list[tuple[nn.Module, torch.Size]] = field(default_factory=list)
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
        ValueError: it is no module or cannot be copied, there is no such layer, or a dropout layer
            cannot be switched on.
    """

    name = "given"

    def __init__(
        self, module: nn.Module, *, features: str | None = None, device: str = "cpu"
    ) -> None:
        super().__init__()
        self.module = copied(module).to(device)
        self.eval()
        self._device = device
        self._forwards: dict[int, Forward] = {}
        self._repeatable = self._by_images = False  # not known before a forward
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
        dropouts, scripted = dropout_layers(self.module), scripted_dropout_layers(self.module)
        if scripted and not dropouts:
            raise ValueError(
                f"the module's dropout layers are scripted ({', '.join(scripted)}), so they cannot "
                "be switched on; expected the nn.Module as it was trained, without torch.jit"
            )
        if not dropouts:
            raise ValueError(
                "the module has no dropout layer; put an nn.Dropout before its last layer and "
                "train it anew. torch.nn.functional.dropout and the dropout of "
                "nn.MultiheadAttention and of recurrent layers cannot be found: write them as "
                "layers"
            )
        if all(dropout.p == 0 for dropout in dropouts.values()):
            raise ValueError("all dropout layers of the module have p = 0, so no pass would differ")
        LOGGER.info("dropout is switched on in the layers %s", ", ".join(self.dropout_names))
        inside = [
            name
            for name, layer in self.module.named_modules()
            if isinstance(layer, (nn.MultiheadAttention, nn.RNNBase)) and layer.dropout
        ]
        for name in (*inside, *scripted):
            LOGGER.warning("the dropout inside of the layer %s stays off", name)

    def forward(
        self, images: Float[Tensor, "images ..."], keep_mask: Bool[Tensor, ...] | None = None
    ) -> Float[Tensor, "images classes"]:
        """Logits, dropout off; there are no masks of channels.

        Raises:
            ValueError: the module does not return logits, or draws random numbers.
        """
        return self._logits(images, Forward())

    def features(
        self, images: Float[Tensor, "images ..."], keep_mask: Bool[Tensor, ...] | None = None
    ) -> Float[Tensor, "images width"]:
        """The input of the last layer, dropout off.

        Raises:
            ValueError: no such layer is reached, or its input has no row for each image.
        """
        layer, inputs = self._head_input(images)
        if self.head_name is None:
            self.head_name = self._name(layer)
            LOGGER.info(
                "penultimate features: the input of %r, the last nn.Linear that a forward reaches",
                self.head_name,
            )
        rows = [(len(images), inputs.shape)]
        if len(images) in inputs.shape[1:]:  # the first axis may be another one of equal length
            count = 2 if len(images) != 2 else 3
            rows.append((count, self._head_input(_repeated(images, count))[1].shape))
        for count, shape in rows:
            if len(shape) < 2 or shape[0] != count:
                raise ValueError(
                    f"the layer {self.head_name} gets the shape {list(shape)} for {count} images; "
                    "its first axis must be the images"
                )
        return inputs.flatten(start_dim=1)

    def passes(self, seed: int, replicate: int, count: int) -> Int64[Tensor, "passes 1"]:
        """The seed of each pass, from which all its masks are drawn."""
        return pass_seeds(seed, replicate, count)[:, None]

    def subnetwork_logits(
        self, images: Float[Tensor, "images ..."], passes: Int64[Tensor, "passes 1"], *, most: int
    ) -> Float[Tensor, "passes images classes"]:
        """Logits of all images with dropout on, one forward a pass.

        Raises:
            ValueError: no dropout layer is reached, or the first axis of one's input is not the
                images.
        """
        if not self._by_images and len(images):
            self._check_dropout(images)
            self._by_images = True
        forwards = (Forward(np.random.default_rng(int(seed))) for seed in passes)
        logits = torch.stack([self._outputs(images, forward) for forward in forwards])
        require_no_probabilities(logits)
        return logits

    def _check_dropout(self, images: Tensor) -> None:
        """Check that masks are shared by images, and say which dropout layers no forward calls."""
        two, three = Forward(), Forward()
        self._run(_repeated(images, 2), two)
        self._run(_repeated(images, 3), three)
        require_shared_masks(
            *(
                [(self._name(layer), shape) for layer, shape in forward.dropped]
                for forward in (two, three)
            )
        )
        reached = {layer for layer, _ in two.dropped}
        missed = [
            name
            for name, layer in dropout_layers(self.module).items()
            if layer.p > 0 and layer not in reached
        ]
        if not reached:
            raise ValueError(
                "a forward in evaluation mode reaches none of the dropout layers "
                f"{', '.join(missed)}; they must be called as layers, not by their forward"
            )
        for name in missed:
            LOGGER.warning("the dropout layer %s stays off: no forward calls it", name)

    def _head_input(self, images: Tensor) -> tuple[nn.Module, Tensor]:
        forward = Forward()
        self._run(images, forward)
        if forward.head is None and isinstance(self.module, torch.jit.ScriptModule):
            raise ValueError(
                "the module is scripted, so the inputs of its layers cannot be read; expected the "
                "nn.Module as it was trained, without torch.jit"
            )
        if forward.head is None:
            what = "no nn.Linear" if self.head_name is None else f"no layer {self.head_name!r}"
            raise ValueError(f"a forward reaches {what}; name the last layer by features=")
        return forward.head

    def _name(self, layer: nn.Module) -> str:
        name: str = next(name for name, one in self.module.named_modules() if one is layer)
        return name

    def _logits(self, images: Tensor, forward: Forward) -> Tensor:
        logits = self._outputs(images, forward)
        require_no_probabilities(logits)
        return logits

    def _outputs(self, images: Tensor, forward: Forward) -> Tensor:
        outputs = self._run(images, forward)
        require_rows(outputs, len(images))
        logits: Tensor = outputs
        return logits

    def _run(self, images: Tensor, forward: Forward) -> Any:
        """What the module returns; its hooks find the forward by their thread."""
        if images.ndim < 2:
            raise ValueError(f"images have the shape {list(images.shape)}; expected [images, ...]")
        first = nullcontext() if self._repeatable else without_random_numbers(self._device)
        self._forwards[get_ident()] = forward
        try:
            with first:
                outputs = self.module(images.clone())  # it may write into them
        finally:
            del self._forwards[get_ident()]
        self._repeatable = self._repeatable or len(images) > 0
        return outputs

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
        forward = self._forwards.get(get_ident())
        if forward is not None and forward.random is None:  # later layers may write into the inputs
            forward.head = layer, next(iter((*inputs, *named.values()))).clone()

    def _drop(self, layer: Any, _inputs: tuple[Tensor, ...], outputs: Tensor) -> Tensor | None:
        """A dropout layer in evaluation mode returned its input."""
        forward = self._forwards.get(get_ident())
        if forward is None or layer.p == 0:
            return None
        forward.dropped.append((layer, outputs.shape))
        return None if forward.random is None else switched_on(layer, outputs, forward.random)


def _repeated(images: Tensor, count: int) -> Tensor:
    """The first image so many times."""
    return images[:1].repeat_interleave(count, dim=0)
