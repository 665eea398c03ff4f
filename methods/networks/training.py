"""Train networks by a recipe, log how well each does, and keep snapshots on the way."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn

from methods.determinism import derive_seed, machine
from methods.engines.base import Engine
from methods.networks.network import Network, draw_masks
from methods.networks.recipes import AVERAGED_FROM, LabelledImages, Recipe
from methods.shapes import Labels


class TrainingDivergedError(Exception):
    """A network's loss became NaN or infinite; the message names recipe, network and epoch."""


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network and the log of its training.

    Attributes:
        network: on the CPU, in evaluation mode.
        log: per epoch a row for each split, if it was watched.
        seconds: wall time of its training, watching left out; of networks trained together each
            has an even share. NaN where it is not known.
        machine: what trained it; empty where it is not known.
    """

    network: Network
    log: tuple[EpochLog, ...]
    seconds: float
    machine: str = field(default_factory=machine)


def train_networks(
    recipe: Recipe,
    indices: Sequence[int],
    training: LabelledImages,
    validation: LabelledImages | None = None,
    *,
    engine: Engine,
    seed: int = 0,
) -> list[TrainedNetwork | TrainingDivergedError]:
    """Networks of the recipe: weights, order and masks of each follow from (seed, index).

    Without validation images there is no log, whose making takes time (see `Watch`). A network
    whose loss becomes NaN or infinite is given up, and its error returned instead; the others are
    not affected.
    """
    networks = [initial_network(recipe, index, seed=seed) for index in indices]
    randoms = [np.random.default_rng(derive_seed("training", seed, index)) for index in indices]
    drawn = [drawn_images(recipe, len(training.labels), index, seed=seed) for index in indices]
    averages = [AveragedModel(n) for n in networks] if recipe.schedule == "averaged" else []
    start = perf_counter()
    trainer = engine.trainer(networks, recipe, training)
    seconds = perf_counter() - start
    watch = Watch(recipe, engine, seed, training, validation) if validation else None
    logs: list[list[EpochLog]] = [[] for _ in indices]
    given_up: dict[int, TrainingDivergedError] = {}
    last = math.ceil(recipe.epochs)
    left = recipe.steps(len(training.labels)) * recipe.batch_size  # images, of the last epoch too
    for epoch in range(1, last + 1):
        start = perf_counter()
        orders, masks = orders_and_masks(recipe, drawn, randoms)
        losses = trainer.epoch(orders[:, :left], masks[:, :left])
        left -= -(-len(training.labels) // recipe.batch_size) * recipe.batch_size
        if averages and epoch > AVERAGED_FROM * recipe.epochs:
            for average, network in zip(averages, networks, strict=True):
                average.update_parameters(network)
            if epoch == last:
                networks = [cast(Network, average.module) for average in averages]
                for network in networks:
                    device = next(network.parameters()).device
                    update_bn(torch.split(training.images, recipe.batch_size), network, device)
        seconds += perf_counter() - start
        for i, loss in enumerate(losses):
            foreseen = loss if is_finite(networks[i]) else math.nan
            if i not in given_up and not math.isfinite(foreseen):
                given_up[i] = diverged(recipe, indices[i], epoch, foreseen)
        if len(given_up) == len(indices):
            break
        sound = [i for i in range(len(indices)) if i not in given_up]
        if watch:
            rows = watch.after(epoch, [networks[i] for i in sound], [indices[i] for i in sound])
            for i, row in zip(sound, rows, strict=True):
                logs[i].extend(row)
    return [
        given_up.get(i) or TrainedNetwork(networks[i].cpu(), tuple(logs[i]), seconds / len(indices))
        for i in range(len(indices))
    ]


def initial_network(recipe: Recipe, index: int, *, seed: int = 0) -> Network:
    """Network ``index`` of the recipe before its first step."""
    network = recipe.network(
        mean=recipe.mean,
        std=recipe.std,
        dropout=recipe.dropout,
        generator=torch.Generator().manual_seed(derive_seed("weights", seed, index)),
    )
    return network.eval()


def drawn_images(
    recipe: Recipe, images: int, index: int, *, seed: int = 0
) -> Int64[npt.NDArray[np.int64], " images"]:
    """The images that network ``index`` trains on: all, or as many drawn with replacement."""
    if not recipe.bootstrap:
        return np.arange(images)
    return np.random.default_rng(derive_seed("bootstrap", seed, index)).integers(
        images, size=images
    )


def orders_and_masks(
    recipe: Recipe,
    drawn: Sequence[Int64[npt.NDArray[np.int64], " images"]],
    randoms: Sequence[np.random.Generator],
) -> tuple[Int64[Tensor, "networks images"], Bool[Tensor, "networks images channels"]]:
    """An epoch's orders of each network's images, and what dropout keeps at each position."""
    orders, masks = [], []
    for own, random in zip(drawn, randoms, strict=True):
        order = own[random.permutation(len(own))] if recipe.shuffled else own
        orders.append(torch.from_numpy(order))
        masks.append(draw_masks(random, len(own), recipe.network.channels, recipe.dropout))
    return torch.stack(orders), torch.stack(masks)


def is_finite(network: nn.Module) -> bool:
    """The last step of an epoch can spoil weights that no loss has seen yet."""
    return all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())


def diverged(
    recipe: Recipe, index: int, epoch: int, loss: float, method: str = "", rate: float | None = None
) -> TrainingDivergedError:
    """The error that names recipe, network and epoch; of a method's own training also the method.

    Args:
        rate: the method's learning rate; ``None``: the recipe's.
    """
    training = f"{method!r}, recipe {recipe.name!r}" if method else f"recipe {recipe.name!r}"
    return TrainingDivergedError(
        f"network {index} of {training}: the loss became {loss} in epoch {epoch}; check the "
        f"images, or choose a learning rate below {rate or recipe.learning_rate:g}"
    )


TRAINING, VALIDATION, ALL_TRAINING = "training", "validation", "all training"
"""The splits of a log."""

WATCHED, WATCHED_OF_REPORTED = 2_000, 10_000
"""How many images of each split are evaluated after an epoch; and how many training images, beside
all validation images, if the recipe's source reports accuracies. So many of every recipe would cost
a fifth of the training."""


@dataclass(frozen=True)
class EpochLog:
    """How well a network does on one split after an epoch.

    Loss (the recipe's own), accuracy, precision and recall are measured with dropout off.
    Precision and recall are macro-averaged over the classes, a class never predicted counting as
    precision 0; the article computed them for class 1 against class 0 only.

    Attributes:
        split: ``"training"`` or ``"validation"``; or ``"all training"``, after the last epoch of a
            recipe whose source reports accuracies.
        images: how many images were evaluated: of other recipes a fixed choice of 2,000 of a split
            (all where there are fewer), of such a recipe 10,000 training images and all of the
            other splits.
        accuracy_dropout_on: with one mask an image, since the article's listing computes its
            training accuracy before it switches dropout off. None on validation images.
    """

    epoch: int
    split: str
    images: int
    loss: float
    accuracy: float
    precision: float
    recall: float
    accuracy_dropout_on: float | None = None


def complete_splits(recipe: Recipe) -> set[str]:
    """The splits that a complete log of the recipe has."""
    return {TRAINING, VALIDATION} | ({ALL_TRAINING} if recipe.reported else set())


def watched_images(count: int, most: int) -> Int64[Tensor, " watched"]:
    """The numbers of the images that are evaluated, of ``count``, in ascending order.

    The same for all networks and seeds; fewer are some of more.

    >>> watched_images(3, 5)
    tensor([0, 1, 2])
    """
    random = np.random.default_rng(derive_seed("watched images"))
    return torch.from_numpy(np.sort(random.permutation(count)[:most]))


@dataclass(frozen=True, eq=False)
class Watch:
    """Evaluates networks after an epoch, with random numbers of its own: it changes no network.

    Attributes:
        recipe, engine, seed: those of the networks.
        training, validation: all images of both.
    """

    recipe: Recipe
    engine: Engine
    seed: int
    training: LabelledImages
    validation: LabelledImages

    def after(
        self, epoch: int, networks: Sequence[Network], indices: Sequence[int]
    ) -> list[list[EpochLog]]:
        """A row for each network and split; ``indices``: their numbers in the pool."""
        reported = self.recipe.reported is not None
        all_seen = reported and epoch == math.ceil(self.recipe.epochs)
        labels, held_out = self.training.labels, self.validation
        chosen = watched_images(len(labels), WATCHED_OF_REPORTED if reported else WATCHED)
        # Where all images are evaluated, the chosen ones are taken from these.
        seen, watched = (slice(None), chosen) if all_seen else (chosen, slice(None))
        prepared, images = self.engine.prepare(networks), self.training.images[seen]
        if not reported:
            few = watched_images(len(held_out.labels), WATCHED)
            held_out = LabelledImages(held_out.images[few], held_out.labels[few])
        off, validation = prepared.logits(images), prepared.logits(held_out.images)
        logs = []
        for i, network in enumerate(networks):
            on = off[i]
            if self.recipe.dropout:
                on = self.engine.logits(network, images, self._masks(indices[i], epoch)[seen])
            rows = [
                self._row(epoch, TRAINING, labels[chosen], off[i][watched], on[watched]),
                self._row(epoch, VALIDATION, held_out.labels, validation[i]),
            ]
            if all_seen:
                rows.append(self._row(epoch, ALL_TRAINING, labels, off[i], on))
            logs.append(rows)
        return logs

    def _masks(self, index: int, epoch: int) -> Bool[Tensor, "images channels"]:
        """One for each training image, whether it is evaluated or not."""
        random = np.random.default_rng(derive_seed("evaluation", self.seed, index, epoch))
        channels = self.recipe.network.channels
        return draw_masks(random, len(self.training.labels), channels, self.recipe.dropout)

    def _row(
        self,
        epoch: int,
        split: str,
        labels: Labels,
        off: Float[Tensor, "images classes"],
        on: Float[Tensor, "images classes"] | None = None,
    ) -> EpochLog:
        """The row of a split, from a network's logits with dropout off and on."""
        votes = off.argmax(dim=1)
        precision, recall = precision_and_recall(labels, votes, classes=off.shape[1])
        return EpochLog(
            epoch=epoch,
            split=split,
            images=len(labels),
            loss=self.recipe.mean_loss(off, labels).item(),
            accuracy=_accuracy(labels, votes),
            precision=precision,
            recall=recall,
            accuracy_dropout_on=None if on is None else _accuracy(labels, on.argmax(dim=1)),
        )


def precision_and_recall(labels: Labels, votes: Labels, *, classes: int) -> tuple[float, float]:
    """Means over the classes that occur in labels or votes; a quotient of none is 0.

    >>> precision_and_recall(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), classes=3)
    (0.75, 0.75)
    """
    pairs = torch.bincount(classes * labels + votes, minlength=classes**2)
    confusion = pairs.reshape(classes, classes).double()
    right, actual, predicted = confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)
    occurs = actual + predicted > 0
    precision, recall = (right / total.clamp(min=1) for total in (predicted, actual))
    return precision[occurs].mean().item(), recall[occurs].mean().item()


def _accuracy(labels: Labels, votes: Labels) -> float:
    return (votes == labels).double().mean().item()


class OwnTraining(ABC):
    """A training of a method's own beside those of the pool, of which networks are kept.

    Its stored networks are found by its text: other rates need another name.

    Attributes:
        name: of the method that it is for; a word.
        snapshots: how many networks are kept.
    """

    name: str
    snapshots: int

    def text(self, snapshot: int) -> str:
        """Name of a stored network of it, by its number from 0; part of its key."""
        return f"{self.name} {snapshot + 1} of {self.snapshots}"

    def engine_name(self, engine: Engine) -> str:
        """Name and version of the engine that trains it; part of its key."""
        return engine.name

    def initial(self, recipe: Recipe, index: int, *, seed: int = 0) -> Network:
        """The network before its first step: by default that of the pool."""
        return initial_network(recipe, index, seed=seed)

    @abstractmethod
    def train(
        self, recipe: Recipe, index: int, training: LabelledImages, *, engine: Engine, seed: int = 0
    ) -> list[TrainedNetwork]:
        """The networks that are kept; all random numbers follow from (its name, seed, index).

        Raises:
            TrainingDivergedError: the loss became NaN or infinite.
        """


class Trajectory(OwnTraining):
    """A training of a recipe's length, by a learning rate of its own."""

    @abstractmethod
    def rate(self, passed: float) -> float:
        """The share of the recipe's learning rate where a share of the training has passed."""

    @abstractmethod
    def snapshot_share(self, snapshot: int) -> float:
        """The share of the training after which a network is kept, by its number from 0."""

    def train(
        self, recipe: Recipe, index: int, training: LabelledImages, *, engine: Engine, seed: int = 0
    ) -> list[TrainedNetwork]:
        """The networks that are kept of a training that begins where the pool's network did."""
        network = self.initial(recipe, index, seed=seed)
        drawn = drawn_images(recipe, len(training.labels), index, seed=seed)
        random = np.random.default_rng(derive_seed(self.name, seed, index))
        begun = perf_counter()
        trainer = engine.trainer([network], recipe, training)
        batches = -(-len(training.labels) // recipe.batch_size)
        steps = recipe.steps(len(training.labels))
        ends = [max(1, round(steps * self.snapshot_share(n))) for n in range(self.snapshots)]
        kept: list[Network] = []
        for epoch in range(math.ceil(recipe.epochs)):
            order, masks = orders_and_masks(recipe, [drawn], [random])
            first, last = epoch * batches, min((epoch + 1) * batches, steps)
            parts = sorted({first, *(end for end in ends if first < end < last), last})
            for start, end in pairwise(parts):
                part = slice((start - first) * recipe.batch_size, (end - first) * recipe.batch_size)
                shares = (self.rate(step / steps) for step in range(start, end))
                rates = [recipe.learning_rate * share for share in shares]
                (loss,) = trainer.epoch(order[:, part], masks[:, part], rates)
                if not (math.isfinite(loss) and is_finite(network)):
                    raise diverged(recipe, index, epoch + 1, loss)
                kept += [deepcopy(network).cpu() for _ in range(ends.count(end))]
        seconds = (perf_counter() - begun) / len(kept)
        return [TrainedNetwork(snapshot, (), seconds) for snapshot in kept]
