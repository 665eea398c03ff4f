"""A user's own trained modules, where a method expects networks of a pool.

Their dropout layers are switched on alone, by a mask that all images share. Masks are drawn by
NumPy: the layers' own would come from the global random state.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from numbers import Integral
from threading import get_ident
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from methods.engines.torch import TorchEngine, TorchNetworks
from methods.networks.network import Network, pass_seeds
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.networks.training import OwnTraining
from methods.shapes import Features, Images, Logits, MemberLogits

LOGGER = logging.getLogger(__name__)

WHOLE_CHANNELS = {
    nn.Dropout.forward: False,
    nn.Dropout1d.forward: True,
    nn.Dropout2d.forward: True,
    nn.Dropout3d.forward: True,
}
"""Layers that can be switched on, and whether they drop channels, the second axis, as a whole.

By what a layer computes: a subclass with a `forward` of its own, such as alpha dropout, is not
among them.
"""


def require_count(name: str, value: int) -> None:
    """Check an argument that counts.

    Raises:
        ValueError: it is not a whole number from 1.
    """
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {value!r}; expected a whole number, at least 1")


def copied(module: nn.Module) -> nn.Module:
    """A copy of the module.

    Raises:
        ValueError: it is no module.
    """
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"the network is a {type(module).__name__}; expected a trained torch.nn.Module (load a "
            "state dict into one)"
        )
    return deepcopy(module)


def require_logits(outputs: object, images: int) -> Logits:
    """The output of a module, if it can be logits of so many images.

    Probabilities are told by all their rows: one row of logits may sum to 1 by chance.

    Raises:
        ValueError: it is no tensor [images, classes] of two classes at least, or no value is below
            0 and all rows sum to 1 but for rounding.
    """
    if not isinstance(outputs, Tensor):
        raise ValueError(
            f"the module returns a {type(outputs).__name__}; wrap it in one that returns logits, "
            "a tensor [images, classes]"
        )
    if outputs.ndim != 2 or outputs.shape[0] != images or outputs.shape[1] < 2:
        raise ValueError(
            f"the module returns the shape {list(outputs.shape)} for {images} images; expected "
            "logits, [images, classes] with at least two classes; if it stacks the outputs of "
            "members, give their probabilities, [members, images, classes], to score_predictions"
        )
    rounding = max(2 * torch.finfo(outputs.dtype).eps, 1e-3)
    off = (outputs.double().sum(dim=-1) - 1).abs()
    if images and bool((outputs >= 0).all() and (off < rounding).all()):
        raise ValueError(
            "the module returns probabilities (rows sum to 1); leave out its softmax, so that it "
            "returns logits"
        )
    return outputs


@contextmanager
def without_random_numbers(device: str) -> Iterator[None]:
    """Check that nothing is drawn from the global random state, which is left as it was.

    Raises:
        ValueError: something is drawn.
    """
    generators = [torch.default_generator]
    if (place := torch.device(device)).type == "cuda":
        generators.append(torch.cuda.default_generators[place.index or 0])
    before = [generator.get_state() for generator in generators]
    yield
    if all(torch.equal(g.get_state(), state) for g, state in zip(generators, before, strict=True)):
        return
    for generator, state in zip(generators, before, strict=True):
        generator.set_state(state)
    raise ValueError(
        "the module draws random numbers in evaluation mode, so no prediction could be repeated; "
        "give torch.nn.functional.dropout the argument training=self.training, or use nn.Dropout; "
        "of a wrapper that samples, give the members' probabilities to score_predictions"
    )


def switched_on(layer: _DropoutNd, inputs: Tensor, random: np.random.Generator) -> Tensor:
    """The output of the layer in training mode, by one mask for all images.

    It is written into the inputs where the layer works in place.
    """
    shape: tuple[int, ...] = inputs.shape[1:]
    if WHOLE_CHANNELS[type(layer).forward]:
        shape = (inputs.shape[1], *[1] * (inputs.ndim - 2))
    keep = torch.from_numpy(random.random((1, *shape), dtype=np.float32) >= layer.p).to(inputs)
    factor = keep / (1 - layer.p) if layer.p < 1 else keep
    return inputs.mul_(factor) if layer.inplace else inputs * factor


@dataclass
class Forward:
    """Notes of the hooks of one forward, and what they read.

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
        dropouts: its dropout layers, by name.
        head_name: the layer whose input are the features; None until it is found.

    Raises:
        ValueError: it is no module, or there is no such layer.
    """

    name = "given"
    channels = ()

    def __init__(
        self, module: nn.Module, *, features: str | None = None, device: str = "cpu"
    ) -> None:
        super().__init__()
        self.module = copied(module).to(device)
        self.eval()
        self._device = device
        self._forwards: dict[int, Forward] = {}
        self._repeatable = self._masks_serve_all = False  # not known before a forward
        self._names = {layer: name for name, layer in self.module.named_modules()}
        self.dropouts = {
            name: layer for layer, name in self._names.items() if isinstance(layer, _DropoutNd)
        }
        for dropout in self.dropouts.values():
            dropout.register_forward_hook(self._drop)
        linear = {n: layer for layer, n in self._names.items() if isinstance(layer, nn.Linear)}
        try:
            heads = (
                [*linear.values()] if features is None else [self.module.get_submodule(features)]
            )
        except AttributeError as error:
            raise ValueError(
                f"the module has no layer {features!r}; its linear layers are {', '.join(linear)}"
            ) from error
        for head in heads:
            head.register_forward_pre_hook(self._note, with_kwargs=True)
        self.head_name = features

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

    def require_dropout(self) -> None:
        """Check that there is dropout to be switched on, and log where.

        Raises:
            ValueError: there is none, or one computes in a way of its own.
        """
        if not any(dropout.p for dropout in self.dropouts.values()):
            raise ValueError(
                "the module has no dropout layer with p above 0; put an nn.Dropout before its last "
                "layer and train it anew. torch.nn.functional.dropout and the dropout of "
                "nn.MultiheadAttention and of recurrent layers cannot be found: write them as "
                "layers"
            )
        for name, dropout in self.dropouts.items():
            if type(dropout).forward not in WHOLE_CHANNELS:
                raise ValueError(
                    f"the dropout layer {name!r} has a forward of its own "
                    f"({type(dropout).__name__}), so its masks are unknown; put an nn.Dropout or "
                    "an nn.Dropout2d in its place"
                )
        LOGGER.info("dropout is switched on in the layers %s", ", ".join(self.dropouts))
        for layer, name in self._names.items():
            if isinstance(layer, (nn.MultiheadAttention, nn.RNNBase)) and layer.dropout:
                LOGGER.warning("the dropout inside of the layer %s stays off", name)

    def forward(self, images: Images, keep_mask: Bool[Tensor, ...] | None = None) -> Logits:
        """Logits, dropout off; there are no masks of channels.

        Raises:
            ValueError: the module does not return logits, or draws random numbers.
        """
        return require_logits(self._run(images, Forward()), len(images))

    def features(self, images: Images, keep_mask: Bool[Tensor, ...] | None = None) -> Features:
        """The input of the last layer, dropout off; see `outputs`."""
        return self.outputs(images)[1]

    def outputs(self, images: Images) -> tuple[Float[Tensor, "images classes"], Features]:
        """Logits and the input of the last layer, dropout off.

        Raises:
            ValueError: no such layer is reached, or its input has no row for each image; or as
                `forward`.
        """
        forward = Forward()
        logits = require_logits(self._run(images, forward), len(images))
        if forward.head is None:
            what = "no nn.Linear" if self.head_name is None else f"no layer {self.head_name!r}"
            raise ValueError(f"a forward reaches {what}; name the last layer by features=")
        layer, inputs = forward.head
        if self.head_name is None:
            self.head_name = self._names[layer]
            LOGGER.info(
                "penultimate features: the input of %r, the last nn.Linear that a forward reaches",
                self.head_name,
            )
        if inputs.ndim < 2 or len(inputs) != len(images):
            raise ValueError(
                f"the layer {self.head_name} gets the shape {list(inputs.shape)} for {len(images)} "
                "images; its first axis must be the images"
            )
        return logits, inputs.flatten(start_dim=1)

    def passes(self, seed: int, replicate: int, count: int) -> Int64[Tensor, "passes 1"]:
        """The seed of each pass, from which all its masks are drawn."""
        return pass_seeds(seed, replicate, count)[:, None]

    def subnetwork_logits(
        self, images: Images, passes: Int64[Tensor, "passes 1"], *, most: int
    ) -> MemberLogits:
        """Logits of all images with dropout on, one forward a pass.

        Raises:
            ValueError: no dropout layer is reached, or the first axis of one's input is not the
                images.
        """
        if not self._masks_serve_all and len(images):
            self._check_dropout(images)
            self._masks_serve_all = True
        forwards = (Forward(np.random.default_rng(int(seed))) for seed in passes)
        return torch.stack(
            [require_logits(self._run(images, forward), len(images)) for forward in forwards]
        )

    def _check_dropout(self, images: Tensor) -> None:
        """Check that masks of one row serve all images, and name the layers that stay off.

        They do if only the first axis of dropout's inputs grows with the number of images, which
        two forwards show.
        """
        two, three = Forward(), Forward()
        for count, forward in ((2, two), (3, three)):
            self._run(images[:1].repeat_interleave(count, dim=0), forward)
        reached = {layer for layer, _ in two.dropped}
        missed = [name for name, layer in self.dropouts.items() if layer.p and layer not in reached]
        if not reached:
            raise ValueError(
                "a forward in evaluation mode reaches none of the dropout layers "
                f"{', '.join(missed)}; they must be called as layers, not by their forward"
            )
        if len(two.dropped) != len(three.dropped):
            raise ValueError("dropout layers are called image by image; expected all at once")
        for (layer, shape), (_, other) in zip(two.dropped, three.dropped, strict=True):
            if len(shape) < 2 or shape[0] * 3 != other[0] * 2 or shape[1:] != other[1:]:
                raise ValueError(
                    f"the layer {self._names[layer]} gets the shape {list(shape)} for 2 images and "
                    f"{list(other)} for 3; its first axis must be the images"
                )
        for name in missed:
            LOGGER.warning("the dropout layer %s stays off: no forward calls it", name)

    def _run(self, images: Tensor, forward: Forward) -> Any:
        """The output of the module; its hooks find the forward by their thread."""
        if images.ndim < 2:
            raise ValueError(f"images have the shape {list(images.shape)}; expected [images, ...]")
        self._forwards[get_ident()] = forward
        try:
            with nullcontext() if self._repeatable else without_random_numbers(self._device):
                outputs = self.module(images.clone())  # it may write into them
        finally:
            del self._forwards[get_ident()]
        self._repeatable = self._repeatable or len(images) > 0
        return outputs

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


@dataclass(frozen=True)
class GivenEngine(TorchEngine):
    """PyTorch, network after network, as they are: each may be of its own architecture.

    Attributes:
        batch_size: how many images are computed in one batch.
    """

    batch_size: int = 64

    def prepare(self, networks: Sequence[Network]) -> TorchNetworks:
        """The networks themselves, which are on the device already."""
        return TorchNetworks(networks, self.device, stacked=False, most=self.batch_size)


@dataclass(frozen=True)
class GivenPool(NetworkPool):
    """A pool that holds the given networks, and gives them to whoever asks.

    Attributes:
        given: the networks.
    """

    given: tuple[GivenNetwork, ...] = ()

    def networks(self, indices: Sequence[int], training: LabelledImages) -> list[Network]:
        """All of them, trained elsewhere; the training images are not looked at."""
        return list(self.given)

    def snapshots(self, own: OwnTraining, index: int, training: LabelledImages) -> list[Network]:
        """All of them, which are the snapshots; the training images are not looked at."""
        return list(self.given)
