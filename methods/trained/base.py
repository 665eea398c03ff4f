"""What methods that train a network of their own have in common: the network and its training."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from math import ceil, isfinite, nan
from pathlib import Path
from time import perf_counter
from typing import ClassVar, NamedTuple, Unpack, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.determinism import derive_seed
from methods.engines import unsupported
from methods.engines.base import Engine
from methods.engines.torch import TorchEngine, full_float32
from methods.networks.network import Network, counted_multiply_adds, multiply_adds
from methods.networks.recipes import LabelledImages, Recipe, cosine
from methods.networks.training import (
    OwnTraining,
    TrainedNetwork,
    diverged,
    drawn_images,
    is_finite,
)
from methods.pooled import MemberMethod, PoolArguments
from methods.shapes import Images, Labels, MemberLogits

BATCH = 100
"""Images of a forward in prediction; on a CPU larger batches fall out of its caches."""


class Step(NamedTuple):
    """The state of a training at a step.

    Attributes:
        passed: the share of its steps that are over.
        images: N, how many images it trains on.
        random: the source of all its noise, on the device.
    """

    passed: float
    images: int
    random: torch.Generator


class MemberNetwork(nn.Module, ABC):
    """A network that gives several members' logits by one forward.

    Args:
        network: of the recipe, before its first step; its layers may be replaced.
        members: M, how many members there are.
    """

    def __init__(self, network: Network, members: int) -> None:
        super().__init__()
        self.network, self.members = network, members

    @abstractmethod
    def forward(self, images: Images) -> MemberLogits:
        """The members' logits of all images, in evaluation mode; the same at every call."""

    @abstractmethod
    def training_loss(self, images: Images, labels: Labels, step: Step) -> Float[Tensor, ""]:
        """The loss of a batch, which is minimised."""

    def after_step(self, passed: float) -> None:
        """Hook after each step, with the share of the steps that are over; by default nothing."""

    def finish(self, images: Images, labels: Labels) -> None:
        """Hook after the last step, in evaluation mode; by default nothing."""


class TrainedMethod(MemberMethod):
    """A method with a `MemberNetwork`, trained in ``fit``.

    It takes the compute of its recipe's network: as many steps as have the same multiply-adds of
    forwards, so fewer where a step or what follows the last one does more. The learning rate falls
    to zero by a cosine. A replicate begins with the weights of the pool's network of its number.
    Of the recipe it takes the network, the length, the batches and the momentum, and the L2 penalty
    where it has none itself; not its loss, optimiser, weight decay, learning rate or dropout.

    Args:
        members: M, how many members there are; by default the first of `sweep`, else 1.

    Attributes:
        settings: the names of the class fields that a training depends on.
        keeps_hidden_layers: whether the network in training has the recipe's, all but the last, and
            the loss has gradients by parameters alone; then the engine computes its features, of
            images that are not resized.
        trained_longer: of the suite's the three whose NLL on calibration images, as a geometric
            mean of all tasks in ``benchmarks/tasks/tuning.csv``, is least; the others would cost
            more than all else.
        l2_penalty: ``None``: the recipe's.

    Raises:
        ValueError: by ``fit``: the network cannot be made, or the budget is below one epoch.
    """

    needs = frozenset({"training"})
    feature_scores = trained_longer = False
    size: ClassVar[str | None] = "members"
    sweep: ClassVar[tuple[int, ...]] = (4,)
    settings: ClassVar[tuple[str, ...]] = ("learning_rate",)
    keeps_hidden_layers: ClassVar[bool] = False
    learning_rate: float = 0.03
    l2_penalty: float | None = None

    def __init__(self, *, members: int | None = None, **shared: Unpack[PoolArguments]) -> None:
        super().__init__(**shared)
        self._adopted: MemberNetwork | None = None
        self.members = next(iter(self.sweep), 1) if members is None else members
        if self.members < 1:
            raise ValueError(f"members is {members}; expected at least 1")

    def training(self, recipe: Recipe) -> Recipe:
        """The recipe with this L2 penalty."""
        own = recipe.l2_penalty if self.l2_penalty is None else self.l2_penalty
        return replace(super().training(recipe), l2_penalty=own)

    @abstractmethod
    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        """The network before its first step, made of the recipe's.

        Raises:
            ValueError: it cannot be made, for example since M does not divide a width.
        """

    def optimiser(
        self, network: MemberNetwork, recipe: Recipe, images: int
    ) -> torch.optim.Optimizer:
        """The optimiser; by default the recipe's SGD. Learning rates are set before each step."""
        return torch.optim.SGD(
            network.parameters(),
            momentum=recipe.momentum,
            weight_decay=recipe.l2_penalty,
            fused=True,
        )

    def rate(self, passed: float) -> float:
        """The share of the learning rate where a share of the training has passed."""
        return cosine(passed)

    @classmethod
    def member_kind(cls) -> tuple[object, ...] | None:
        """None: no two methods, nor two sizes, have members in common."""
        return None

    @property
    def trajectory(self) -> OwnTraining:
        """The training."""
        return MemberTraining(self)

    def require_affordable(self) -> None:
        """Check, before anything is trained, that the network can be made and its budget suffices.

        Raises:
            ValueError: as ``fit``.
        """
        network = self.trajectory.initial(self.pool.recipe, 0)
        if self.pool.recipe.epochs < 10:  # counting takes a second, and none needs so many for one
            epochs_of(cast(MemberNetwork, network), self.pool.recipe, self.name)

    def forget(self) -> None:
        """Have the engine adopt the network that was assigned, in place of another one."""
        engine = self.pool.engine
        self._adopted = engine.adopted(cast(MemberNetwork, self.fitted[0].to(engine.device)))

    @torch.inference_mode()
    @full_float32()
    def member_logits(self, images: Tensor) -> Tensor:
        """The members' logits, in batches of `BATCH` images."""
        network = self._adopted or self.fitted[0]  # which says that the method is not fitted
        parts = (part.to(self.pool.engine.device) for part in torch.split(images, BATCH))
        return torch.cat([network(part).cpu() for part in parts], dim=1)


class MemberTraining(OwnTraining):
    """The training of a method's network, in PyTorch, with features by the engine if it can."""

    snapshots = 1

    def __init__(self, method: TrainedMethod) -> None:
        self.method, self.name = method, method.name

    def text(self, snapshot: int) -> str:
        """Text with the method's size and settings, and the file of a user's method.

        Other constants of the suite's methods are not in it: with others they need another name.
        """
        settings = (f"{name} {getattr(self.method, name):g}" for name in self.method.settings)
        parts = f"{self.name} of {self.method.members}", *settings, _file_text(type(self.method))
        return ", ".join(filter(None, parts))

    def engine_name(self, engine: Engine) -> str:
        """The engine, if it computes the features; else PyTorch, on its device."""
        by_engine = self.method.keeps_hidden_layers and not unsupported([self.method.pool.recipe])
        return (engine if by_engine else TorchEngine(engine.device)).name

    def initial(self, recipe: Recipe, index: int, *, seed: int = 0) -> Network:
        """Made of the pool's network of this number."""
        random = torch.Generator().manual_seed(derive_seed(self.name, "begin", seed, index))
        network = super().initial(recipe, index, seed=seed)
        return cast(Network, self.method.begin(network, random).eval())

    @full_float32()
    def train(
        self, recipe: Recipe, index: int, training: LabelledImages, *, engine: Engine, seed: int = 0
    ) -> list[TrainedNetwork]:
        """The network at the end, after the steps that its compute allows."""
        device = engine.device
        network = cast(MemberNetwork, self.initial(recipe, index, seed=seed)).to(device).train()
        begun = perf_counter()
        epochs = epochs_of(network, recipe, self.name)
        steps = round(epochs * ceil(len(training.labels) / recipe.batch_size))
        adopted = engine.adopted(network) if self.method.keeps_hidden_layers else network
        images = training.images.to(device)
        if adopted.network.engine_features is None:  # engines resize themselves
            images = adopted.network.resized(images)
        data = LabelledImages(images, training.labels.to(device))
        self._descend(adopted, recipe, index, data, steps, seed)
        adopted.eval()
        with torch.no_grad():
            adopted.finish(data.images, data.labels)
        network.load_state_dict(adopted.state_dict())
        return [TrainedNetwork(cast(Network, network.eval().cpu()), (), perf_counter() - begun)]

    def _descend(
        self,
        network: MemberNetwork,
        recipe: Recipe,
        index: int,
        training: LabelledImages,
        steps: int,
        seed: int,
    ) -> None:
        images, labels, count = training.images, training.labels, len(training.labels)
        random = torch.Generator(images.device)
        random.manual_seed(derive_seed(self.name, "noise", seed, index))
        optimiser = self.method.optimiser(network, recipe, count)
        drawn = drawn_images(recipe, count, index, seed=seed)
        orders = np.random.default_rng(derive_seed(self.name, "order", seed, index))
        step = epoch = 0
        while step < steps:
            order = torch.from_numpy(orders.permutation(drawn) if recipe.shuffled else drawn)
            total = torch.zeros((), device=images.device)
            for batch in torch.split(order.to(images.device), recipe.batch_size)[: steps - step]:
                passed = step / steps
                for group in optimiser.param_groups:
                    group["lr"] = self.method.learning_rate * self.method.rate(passed)
                optimiser.zero_grad()
                where = Step(passed, count, random)
                loss = network.training_loss(images[batch], labels[batch], where)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                total += loss.detach()
                step += 1
                network.after_step(step / steps)
            epoch += 1
            if not (isfinite(total) and is_finite(network)):
                loss_of_epoch = nan if isfinite(total) else total.item()
                rate = self.method.learning_rate
                raise diverged(recipe, index, epoch, loss_of_epoch, self.name, rate)


def epochs_of(network: MemberNetwork, recipe: Recipe, method: str) -> float:
    """Epochs that have the compute of the recipe's: a step costs three of its forwards.

    Raises:
        ValueError: less than one, of the method of this name.
    """
    image, finish = compute_of(network, recipe)
    if (epochs := (recipe.epochs - finish / 3) / image) < 1:
        raise ValueError(
            f"a budget of {recipe.epochs:g} epochs of the recipe's network allows "
            f"{max(epochs, 0):.2g} of {method!r}, where an image costs more; expected at least "
            "one: choose more epochs, or leave the method out"
        )
    return epochs


def compute_of(network: MemberNetwork, recipe: Recipe) -> tuple[float, float]:
    """Costs of an image in forwards of the recipe's network, by multiply-adds.

    Returns:
        In the forward of a step, and in what follows the last one.
    """
    device = next(network.parameters()).device
    images = torch.zeros(recipe.batch_size, *network.network.shape, device=device)
    labels = torch.zeros(recipe.batch_size, dtype=torch.int64, device=device)
    where = Step(0.5, recipe.batch_size, torch.Generator(device).manual_seed(0))
    begun = deepcopy(network)  # statistics of batches change in training mode
    step = counted_multiply_adds(lambda: begun.training_loss(images, labels, where))
    finish = counted_multiply_adds(lambda: begun.eval().finish(images, labels))
    forward = recipe.batch_size * multiply_adds(recipe.network)
    return step / forward, finish / forward


def _file_text(method: type[TrainedMethod]) -> str:
    """The SHA-256 of the file that a method is from; empty: it is the suite's, or from no file."""
    file = getattr(sys.modules[method.__module__], "__file__", None)
    if method.__module__.startswith("methods.") or file is None:
        return ""
    return f"file {sha256(Path(file).read_bytes()).hexdigest()}"


LAYERS = nn.Conv2d, nn.Linear
Layer = nn.Conv2d | nn.Linear


def first_layer(network: Network) -> str:
    """The name of the convolution or linear layer that a forward computes first."""
    computed: list[str] = []
    watched = deepcopy(network)
    for name, layer in watched.named_modules():
        if isinstance(layer, LAYERS):
            layer.register_forward_pre_hook(lambda *_, name=name: computed.append(name))
    watched(torch.zeros(1, *network.shape))
    return computed[0]


def replaced(network: nn.Module, make: Callable[[str, Layer], nn.Module]) -> None:
    """Put another layer in the place of each convolution and linear layer, in order.

    A layer of several names is replaced by one layer.

    Args:
        make: from a layer's name and the layer to the other one.
    """
    others: dict[nn.Module, nn.Module] = {}
    for name, layer in list(network.named_modules(remove_duplicate=False)):
        if isinstance(layer, LAYERS):
            if layer not in others:
                others[layer] = make(name, layer)
            parent, _, attribute = name.rpartition(".")
            setattr(network.get_submodule(parent), attribute, others[layer])
