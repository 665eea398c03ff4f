"""Training in PyTorch, networks one after the other or batched: one alone leaves a GPU idle."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from methods.networks.labelled_images import LabelledImages
from methods.networks.network import Network
from methods.networks.recipes import Recipe


def stack(networks: Sequence[Network]) -> dict[str, Float[Tensor, "networks ..."]]:
    """The networks' parameters and buffers by name, along a first axis; a copy."""
    parameters, buffers = stack_module_state(list(networks))
    return parameters | buffers


def ensemble_logits(
    network: Network,
    stacked: dict[str, Float[Tensor, "networks ..."]],
    images: Float[Tensor, "images ..."],
    *,
    most: int,
) -> Float[Tensor, "networks images classes"]:
    """The logits of stacked networks of one recipe, dropout off.

    Args:
        network: any of them, in evaluation mode.
        stacked: on the device of the images.
        most: how many networks times images are computed in one batch, to bound memory.
    """

    def logits(tensors: dict[str, Tensor], images: Tensor) -> Tensor:
        outputs: Tensor = functional_call(network, tensors, (images,))
        return outputs

    all_logits = vmap(logits, in_dims=(0, None))
    batches = torch.split(images, max(1, most // len(next(iter(stacked.values())))))
    return torch.cat([all_logits(stacked, batch) for batch in batches], dim=1)


@contextmanager
def full_float32() -> Iterator[None]:
    """By default cuDNN rounds convolutions to TF32."""
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
            torch.optim.Adam(self._parameters, weight_decay=recipe.l2_penalty)
            if recipe.optimiser == "adam"
            else torch.optim.SGD(self._parameters, momentum=0.9, weight_decay=recipe.l2_penalty)
        )
        self._step, self._steps = 0, recipe.epochs * -(-images // recipe.batch_size)

    def step(self, loss: Float[Tensor, ""], learning_rate: float | None = None) -> None:
        """One step against the loss' gradient; ``learning_rate``: instead of the schedule's."""
        rate = self._rate() if learning_rate is None else learning_rate
        self._step += 1
        self._optimiser.param_groups[0]["lr"] = rate
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._recipe.weight_decay:
            self._decay(1 - rate * self._recipe.weight_decay)
        self._optimiser.step()

    def _rate(self) -> float:
        """The learning rate of the next step."""
        if self._recipe.schedule == "constant":
            return self._recipe.learning_rate
        return self._recipe.learning_rate * (1 + math.cos(math.pi * self._step / self._steps)) / 2

    @torch.no_grad()
    def _decay(self, factor: float) -> None:
        for parameter in self._parameters:
            parameter.mul_(factor)


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
        self._images, self._labels = data.images.to(device), data.labels.to(device)

    @full_float32()
    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        keep_mask: Bool[Tensor, "networks images channels"],
        learning_rate: float | None = None,
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        each = zip(self._networks, self._optimisers, orders, keep_mask, strict=True)
        with training_mode(self._networks):
            return [self._train(*one, learning_rate) for one in each]

    def _train(
        self,
        network: Network,
        optimiser: Optimiser,
        order: Int64[Tensor, " images"],
        keep_mask: Bool[Tensor, "images channels"],
        learning_rate: float | None,
    ) -> float:
        order, keep_mask = order.to(self._images.device), keep_mask.to(self._images.device)
        total = torch.zeros((), dtype=torch.float64, device=order.device)
        for start in range(0, len(order), self._recipe.batch_size):
            positions = slice(start, start + self._recipe.batch_size)
            batch = order[positions]
            outputs = network(self._images[batch], keep_mask[positions])
            loss = self._recipe.mean_loss(outputs, self._labels[batch])
            optimiser.step(loss, learning_rate)
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
        self._images, self._labels = data.images.to(device), data.labels.to(device)

    @full_float32()
    def epoch(
        self,
        orders: Int64[Tensor, "networks images"],
        keep_mask: Bool[Tensor, "networks images channels"],
        learning_rate: float | None = None,
    ) -> list[float]:
        """One pass of each network over the images in its order; the mean losses."""
        orders, keep_mask = orders.to(self._images.device), keep_mask.to(self._images.device)
        total = torch.zeros(len(orders), dtype=torch.float64, device=orders.device)
        with training_mode(self._networks[:1]):
            for start in range(0, orders.shape[1], self._recipe.batch_size):
                batch = slice(start, start + self._recipe.batch_size)
                losses = self._losses(orders[:, batch], keep_mask[:, batch])
                self._optimiser.step(losses.sum(), learning_rate)
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
