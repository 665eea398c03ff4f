"""The reference engine: plain PyTorch over tensors in memory, on any device.

Networks are trained one after the other or batched: one alone leaves a GPU idle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from methods.engines.base import Engine, NetworkOutputs
from methods.networks.network import Network
from methods.networks.recipes import LabelledImages, Recipe
from methods.shapes import Images, KeepMask, MemberLogits

ON_THE_CPU, ELSEWHERE = 100, 2**14
"""Members times images computed in one batch, to bound the memory of activations.

With LeNet-5 it is 1.3 GB at most: each takes some 40 kB in a network, and 80 kB where the terms of
sub-networks are made. On a CPU larger batches fall out of its caches.
"""


@contextmanager
def _predicting() -> Iterator[None]:
    """A block without gradients, in full float32; its results may be learned from."""
    with torch.no_grad(), full_float32():
        yield


@dataclass(frozen=True)
class TorchEngine(Engine):
    """PyTorch on a device; where it is not the CPU, networks train and predict batched."""

    device: str = "cpu"

    @property
    def name(self) -> str:
        """For example ``torch-2.9.0-cpu``."""
        return f"torch-{torch.__version__}-{self.device}"

    @property
    def trains_batched(self) -> bool:
        """A small network leaves an accelerator idle; a batch of fifty does not."""
        return self.device != "cpu"

    def trainer(
        self, networks: list[Network], recipe: Recipe, data: LabelledImages
    ) -> LoopTrainer | StackedTrainer:
        """Network after network on the CPU, and everywhere if they have buffers; else batched."""
        buffers = any(True for _ in networks[0].buffers())
        kind = StackedTrainer if self.trains_batched and not buffers else LoopTrainer
        return kind(networks, recipe, data, self.device)

    def prepare(self, networks: Sequence[Network]) -> TorchNetworks:
        """Copy them to the device, and stack several there."""
        copies = [deepcopy(network).to(self.device).eval() for network in networks]
        most = ON_THE_CPU if self.device == "cpu" else ELSEWHERE
        return TorchNetworks(copies, self.device, stacked=self.trains_batched, most=most)


class TorchNetworks:
    """Networks on the device; see `PreparedNetworks`.

    Args:
        networks: in evaluation mode, on the device.
        stacked: whether several networks compute batched; else one after the other.
        most: how many members times images are computed in one batch.
    """

    def __init__(
        self, networks: Sequence[Network], device: str, *, stacked: bool, most: int
    ) -> None:
        self._device, self._networks, self._most = device, networks, most
        self._stack = stack(networks) if stacked and len(networks) > 1 else None

    @_predicting()
    def logits(self, images: Images, keep_mask: KeepMask | None = None) -> MemberLogits:
        """Logits of each network; ``keep_mask``: the channels that dropout keeps of each image."""
        if (stack := self._stack) is not None and keep_mask is None:
            parts = torch.split(images, max(1, self._most // len(self._networks)))
            stacked = [self._stacked_logits(stack, part.to(self._device)) for part in parts]
            return torch.cat(stacked, dim=1).cpu()
        given = (images,) if keep_mask is None else (images, keep_mask)
        batches = list(zip(*map(self._batches, given), strict=True))
        each = [torch.cat([network(*batch) for batch in batches]) for network in self._networks]
        return _stacked("classes", each)

    def _stacked_logits(
        self, stack: dict[str, Float[Tensor, "networks ..."]], images: Tensor
    ) -> MemberLogits:
        def logits(tensors: dict[str, Tensor]) -> Tensor:
            outputs: Tensor = functional_call(self._networks[0], tensors, (images,))
            return outputs

        all_logits: Tensor = vmap(logits)(stack)
        return all_logits

    @_predicting()
    def pass_logits(self, images: Images, passes: Tensor) -> MemberLogits:
        """Logits of the only network, its passes batched on any device."""
        (network,) = self._networks
        passes = passes.to(self._device)
        outputs = [
            network.subnetwork_logits(batch.to(self._device), passes, most=self._most).cpu()
            for batch in torch.split(images, self._most)
        ]
        return torch.cat(outputs, dim=1)

    @_predicting()
    def outputs(self, images: Images) -> NetworkOutputs:
        """Logits and features of each network, by one forward."""
        each = [
            map(torch.cat, zip(*map(network.outputs, self._batches(images)), strict=True))
            for network in self._networks
        ]
        logits, features = zip(*each, strict=True)
        return NetworkOutputs(_stacked("classes", logits), _stacked("features", features))

    def _batches(self, tensor: Images) -> Iterator[Tensor]:
        """Its parts, on the device."""
        return (part.to(self._device) for part in torch.split(tensor, self._most))


def _stacked(
    what: str, each: Sequence[Float[Tensor, "images width"]]
) -> Float[Tensor, "networks images width"]:
    """Outputs of several networks, on the CPU.

    Raises:
        ValueError: widths differ; a user's own networks may be of any architecture.
    """
    widths = [part.shape[-1] for part in each]
    if len(set(widths)) > 1:
        raise ValueError(
            f"the numbers of {what} of the networks are {', '.join(map(str, widths))}; "
            "expected the same for all"
        )
    return torch.stack(list(each)).cpu()


def stack(networks: Sequence[Network]) -> dict[str, Float[Tensor, "networks ..."]]:
    """The networks' parameters and buffers by name, along a first axis; a copy."""
    parameters, buffers = stack_module_state(list(networks))
    return parameters | buffers


@contextmanager
def full_float32() -> Iterator[None]:
    """A block in which cuDNN does not round convolutions to TF32, its default."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@contextmanager
def training_mode(networks: Sequence[Network]) -> Iterator[None]:
    """The networks in training mode, and afterwards in evaluation mode."""
    for network in networks:
        network.train()
    try:
        yield
    finally:
        for network in networks:
            network.eval()


class Optimiser:
    """The recipe's optimiser, with its schedule, weight decay and L2 penalty.

    Args:
        images: in an epoch, from which follows how many steps there are.
    """

    def __init__(self, parameters: Iterable[Tensor], recipe: Recipe, images: int) -> None:
        self._parameters, self._recipe = list(parameters), recipe
        self._optimiser = (
            torch.optim.Adam(self._parameters, weight_decay=recipe.l2_penalty, fused=True)
            if recipe.optimiser == "adam"
            else torch.optim.SGD(
                self._parameters,
                momentum=recipe.momentum,
                weight_decay=recipe.l2_penalty,
                fused=True,
            )
        )
        self._step, self._images = 0, images

    def step(self, loss: Float[Tensor, ""], learning_rate: float | None = None) -> None:
        """One step against the loss' gradient; ``learning_rate``: instead of the schedule's."""
        rate = learning_rate
        if rate is None:
            rate = self._recipe.rate(self._step, self._images)
        self._step += 1
        self._optimiser.param_groups[0]["lr"] = rate
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._recipe.weight_decay:
            with torch.no_grad():
                for parameter in self._parameters:
                    parameter.mul_(1 - rate * self._recipe.weight_decay)
        self._optimiser.step()


class LoopTrainer:
    """Networks trained one after the other, in the plainest way."""

    def __init__(
        self, networks: list[Network], recipe: Recipe, data: LabelledImages, device: str
    ) -> None:
        self._networks = [network.to(device) for network in networks]
        self._optimisers = [
            Optimiser(network.parameters(), recipe, len(data.labels)) for network in networks
        ]
        self._recipe = recipe
        self._images = networks[0].resized(data.images.to(device))
        self._labels = data.labels.to(device)

    @full_float32()
    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        keep_mask: Bool[Tensor, "networks images channels"],
        rates: Sequence[float] | None = None,
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        each = zip(self._networks, self._optimisers, orders, keep_mask, strict=True)
        with training_mode(self._networks):
            return [self._train(*work, rates) for work in each]

    def _train(
        self,
        network: Network,
        optimiser: Optimiser,
        order: Int64[Tensor, " images"],
        keep_mask: Bool[Tensor, "images channels"],
        rates: Sequence[float] | None,
    ) -> float:
        order, keep_mask = order.to(self._images.device), keep_mask.to(self._images.device)
        total = torch.zeros((), dtype=torch.float64, device=order.device)
        drops = self._recipe.dropout > 0
        for step, start in enumerate(range(0, len(order), self._recipe.batch_size)):
            positions = slice(start, start + self._recipe.batch_size)
            batch = order[positions]
            outputs = network(self._images[batch], keep_mask[positions] if drops else None)
            loss = self._recipe.mean_loss(outputs, self._labels[batch])
            optimiser.step(loss, None if rates is None else rates[step])
            total += loss.detach() * len(batch)
        return total.item() / len(order)


class StackedTrainer:
    """Networks without buffers, trained batched: their weights stacked, one optimiser for all.

    It works on each number by itself, so networks share nothing but the device's time.
    """

    def __init__(
        self, networks: list[Network], recipe: Recipe, data: LabelledImages, device: str
    ) -> None:
        self._networks = [network.to(device) for network in networks]
        self._parameters = stack(networks)
        self._optimiser = Optimiser(self._parameters.values(), recipe, len(data.labels))
        self._recipe = recipe
        self._images = networks[0].resized(data.images.to(device))
        self._labels = data.labels.to(device)

    @full_float32()
    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        keep_mask: Bool[Tensor, "networks images channels"],
        rates: Sequence[float] | None = None,
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        orders, keep_mask = orders.to(self._images.device), keep_mask.to(self._images.device)
        total = torch.zeros(len(orders), dtype=torch.float64, device=orders.device)
        with training_mode(self._networks[:1]):
            for step, start in enumerate(range(0, orders.shape[1], self._recipe.batch_size)):
                batch = slice(start, start + self._recipe.batch_size)
                losses = self._losses(orders[:, batch], keep_mask[:, batch])
                self._optimiser.step(losses.sum(), None if rates is None else rates[step])
                total += losses.detach() * orders[:, batch].shape[1]
        self._hand_back()
        return (total / orders.shape[1]).tolist()

    def _losses(
        self,
        batches: Int64[Tensor, "networks batch"],
        keep_mask: Bool[Tensor, "networks batch channels"],
    ) -> Float[Tensor, " networks"]:
        def loss(
            parameters: dict[str, Tensor], images: Tensor, labels: Tensor, keep_mask: Tensor
        ) -> Tensor:
            outputs = functional_call(self._networks[0], parameters, (images, keep_mask))
            return self._recipe.mean_loss(outputs, labels)

        losses: Tensor = vmap(loss)(
            self._parameters, self._images[batches], self._labels[batches], keep_mask
        )
        return losses

    @torch.no_grad()
    def _hand_back(self) -> None:
        for i, network in enumerate(self._networks):
            for name, parameter in network.named_parameters():
                parameter.copy_(self._parameters[name][i])
