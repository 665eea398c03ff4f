"""A user's own trained modules, where a method expects networks of a pool.

Their dropout layers are switched on alone, by a mask that all images share. Masks are drawn by
NumPy: the layers' own would come from the global random state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
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
from methods.networks.training import Trajectory

LOGGER = logging.getLogger(__name__)


def copied(module: nn.Module) -> nn.Module:
    """A copy of the module.

    Raises:
        ValueError: it is no module, or cannot be copied.
    """
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"the network is a {type(module).__name__}; expected a trained torch.nn.Module (load a "
            "state dict into one)"
        )
    try:
        return deepcopy(module)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"the module cannot be copied: {str(error).split('.')[0]}. After a forward with "
            "torch.nn.utils.weight_norm, call remove_weight_norm, or use the one of "
            "torch.nn.utils.parametrizations"
        ) from error


def require_count(name: str, value: int) -> None:
    """Check an argument that counts.

    Raises:
        ValueError: it is not a whole number from 1.
    """
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {value!r}; expected a whole number, at least 1")


@contextmanager
def without_random_numbers(device: str) -> Iterator[None]:
    """Check that nothing is drawn from the global random state, which is left as it was.

    Raises:
        ValueError: something is drawn.
    """

    def states() -> list[Tensor]:
        of_device = [torch.cuda.get_rng_state(device)] if device.startswith("cuda") else []
        return [torch.get_rng_state(), *of_device]

    before = states()
    yield
    if all(map(torch.equal, before, states())):
        return
    torch.set_rng_state(before[0])
    if len(before) > 1:
        torch.cuda.set_rng_state(before[1], device)
    raise ValueError(
        "the module draws random numbers in evaluation mode, so no prediction could be repeated; "
        "give torch.nn.functional.dropout the argument training=self.training, or use nn.Dropout"
    )


def require_rows(outputs: object, images: int) -> None:
    """Check that a module returns a row of logits for each image.

    Raises:
        ValueError: what it returns is not [images, classes].
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


def require_no_probabilities(outputs: Float[Tensor, "*rows classes"]) -> None:
    """Check that a module does not return probabilities: all rows together, since one of logits
    may sum to 1 by chance.

    Raises:
        ValueError: no value is below 0, and all rows sum to 1 but for rounding.
    """
    off = (outputs.double().sum(dim=-1) - 1).abs()
    eps = torch.finfo(outputs.dtype).eps if outputs.is_floating_point() else 0.0
    rounding = max(2 * eps, 1e-3)
    if outputs.numel() and bool((outputs >= 0).all() and (off < rounding).all()):
        raise ValueError(
            "the module returns probabilities (rows sum to 1); leave out its softmax, so that it "
            "returns logits"
        )


CHANNEL_AXES: dict[Callable[..., Any], int | None] = {
    nn.Dropout.forward: None,
    nn.Dropout1d.forward: 3,
    nn.Dropout2d.forward: 2,
    nn.Dropout3d.forward: 5,
}
"""With how many axes or more the second one are channels, each dropped as a whole.

With fewer the layer takes its input for one unbatched image, and drops all or nothing. None:
numbers are dropped one by one. By what a layer computes: a subclass with a `forward` of its own,
such as alpha dropout, is none of them.
"""


def switched_on(layer: _DropoutNd, inputs: Tensor, random: np.random.Generator) -> Tensor:
    """What the layer would return in training mode, by one mask for all images.

    It is written into the inputs where the layer works in place.
    """
    axes = CHANNEL_AXES[type(layer).forward]
    shape: tuple[int, ...] = inputs.shape[1:]
    if axes is not None:
        shape = (inputs.shape[1] if inputs.ndim >= axes else 1, *[1] * (inputs.ndim - 2))
    keep = torch.from_numpy(random.random((1, *shape), dtype=np.float32) >= layer.p).to(inputs)
    factor = keep / (1 - layer.p) if layer.p < 1 else keep
    return inputs.mul_(factor) if layer.inplace else inputs * factor


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
        dropouts: its dropout layers, by name.
        head_name: the layer whose input are the features; None until it is found.

    Raises:
        ValueError: it is no module or cannot be copied, or there is no such layer.
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
        self.dropouts = {
            name: layer
            for name, layer in self.module.named_modules()
            if isinstance(layer, _DropoutNd)
        }
        for dropout in self.dropouts.values():
            dropout.register_forward_hook(self._drop)
        for candidate in self._candidates(features):
            candidate.register_forward_pre_hook(self._note, with_kwargs=True)
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

    def extra_repr(self) -> str:
        """Which layers dropout and features are."""
        return f"dropout={list(self.dropouts)}, head={self.head_name!r}"

    def require_dropout(self) -> None:
        """Check that there is dropout to be switched on, and log where.

        Raises:
            ValueError: there is none, or one computes in a way of its own.
        """
        if not self.dropouts:
            raise ValueError(
                "the module has no dropout layer; put an nn.Dropout before its last layer and "
                "train it anew. torch.nn.functional.dropout and the dropout of "
                "nn.MultiheadAttention, of recurrent and of scripted layers cannot be found: write "
                "them as layers"
            )
        for name, dropout in self.dropouts.items():
            if type(dropout).forward not in CHANNEL_AXES:
                raise ValueError(
                    f"the dropout layer {name!r} has a forward of its own "
                    f"({type(dropout).__name__}), so its masks are unknown; put an nn.Dropout or "
                    "an nn.Dropout2d in its place"
                )
        if all(dropout.p == 0 for dropout in self.dropouts.values()):
            raise ValueError("all dropout layers of the module have p = 0, so no pass would differ")
        LOGGER.info("dropout is switched on in the layers %s", ", ".join(self.dropouts))
        for name, layer in self.module.named_modules():
            if isinstance(layer, (nn.MultiheadAttention, nn.RNNBase)) and layer.dropout:
                LOGGER.warning("the dropout inside of the layer %s stays off", name)

    def forward(
        self, images: Float[Tensor, "images ..."], keep_mask: Bool[Tensor, ...] | None = None
    ) -> Float[Tensor, "images classes"]:
        """Logits, dropout off; there are no masks of channels.

        Raises:
            ValueError: the module does not return logits, or draws random numbers.
        """
        logits = self._outputs(images, Forward())
        require_no_probabilities(logits)
        return logits

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
        """Check that masks are shared by images, and say which dropout layers no forward calls.

        They are if the first axis alone of dropout's inputs grows with the images: it is the
        images, or images times their parts, and a mask of one row serves all of them.
        """
        calls = []
        for count in (2, 3):
            forward = Forward()
            self._run(_repeated(images, count), forward)
            calls.append(forward.dropped)
        if len(calls[0]) != len(calls[1]):
            raise ValueError(
                f"dropout layers are called {len(calls[0])} times for 2 images and {len(calls[1])} "
                "times for 3; expected calls with all images at once"
            )
        for (layer, two), (_, three) in zip(*calls, strict=True):
            if len(two) < 2 or two[0] * 3 != three[0] * 2 or two[1:] != three[1:]:
                raise ValueError(
                    f"the layer {self._name(layer)} gets the shape {list(two)} for 2 images and "
                    f"{list(three)} for 3; its first axis must be the images"
                )
        reached = {layer for layer, _ in calls[0]}
        missed = [name for name, one in self.dropouts.items() if one.p > 0 and one not in reached]
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
        if forward.head is None:
            what = "no nn.Linear" if self.head_name is None else f"no layer {self.head_name!r}"
            raise ValueError(f"a forward reaches {what}; name the last layer by features=")
        return forward.head

    def _name(self, layer: nn.Module) -> str:
        name: str = next(name for name, one in self.module.named_modules() if one is layer)
        return name

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

    def snapshots(
        self, trajectory: Trajectory, index: int, training: LabelledImages
    ) -> list[Network]:
        """All of them, which are the snapshots; the training images are not looked at.

        Raises:
            ValueError: the trajectory goes on with the training of a network.
        """
        if trajectory.continued:
            raise ValueError(
                "the networks were trained elsewhere, so their training cannot go on; the method "
                "is fitted already"
            )
        return list(self.given)
