"""Train networks by a recipe, log how well each does, and keep snapshots of a longer training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from methods.determinism import derive_seed, machine
from methods.engines.base import Engine
from methods.networks.network import Network, draw_masks
from methods.networks.recipes import LabelledImages, Recipe


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
    start = perf_counter()
    trainer = engine.trainer(networks, recipe, training)
    seconds = perf_counter() - start
    watch = Watch(recipe, engine, seed, training, validation) if validation else None
    logs: list[list[EpochLog]] = [[] for _ in indices]
    given_up: dict[int, TrainingDivergedError] = {}
    for epoch in range(1, recipe.epochs + 1):
        start = perf_counter()
        losses = trainer.epoch(*orders_and_masks(recipe, len(training.labels), randoms))
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


def orders_and_masks(
    recipe: Recipe, images: int, randoms: Sequence[np.random.Generator]
) -> tuple[Int64[Tensor, "networks images"], Bool[Tensor, "networks images channels"]]:
    """An epoch's orders of the images, and the channels that dropout keeps at each position."""
    orders, masks = [], []
    for random in randoms:
        order = random.permutation(images) if recipe.shuffled else np.arange(images)
        orders.append(torch.from_numpy(order))
        masks.append(draw_masks(random, images, recipe.network.channels, recipe.dropout))
    return torch.stack(orders), torch.stack(masks)


def is_finite(network: Network) -> bool:
    """The last step of an epoch can spoil weights that no loss has seen yet."""
    return all(bool(parameter.isfinite().all()) for parameter in network.parameters())


def diverged(recipe: Recipe, index: int, epoch: int, loss: float) -> TrainingDivergedError:
    """The error that names recipe, network and epoch."""
    return TrainingDivergedError(
        f"network {index} of recipe {recipe.name!r}: the loss became {loss} in epoch {epoch}; "
        f"check the images, or make a recipe of a learning rate below {recipe.learning_rate}"
    )


TRAINING, VALIDATION, ALL_TRAINING = "training", "validation", "all training"
"""The splits of a log."""

WATCHED, WATCHED_EARLIER = 10_000, 2_000
"""How many training images are evaluated after the last epoch, and how many images of each split
after an earlier one, unless the recipe's source reports accuracies. More would cost a fifth of the
training."""


@dataclass(frozen=True)
class EpochLog:
    """How well a network does on one split after an epoch.

    Loss (the recipe's own), accuracy, precision and recall are measured with dropout off.
    Precision and recall are macro-averaged over the classes, a class never predicted counting as
    precision 0; the article computed them for class 1 against class 0 only.

    Attributes:
        split: ``"training"``: a fixed choice of 10,000 training images (all where there are
            fewer); ``"validation"``: all of these; or ``"all training"``, after the last epoch of
            a recipe whose source reports a final accuracy.
        images: how many images were evaluated. Before the last epoch these are at most 2,000 of a
            split, but of such a recipe as many as after it.
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
    """Which of ``count`` images are evaluated, in ascending order.

    The same for all networks and seeds; fewer are some of more.

    >>> watched_images(3, 5)
    tensor([0, 1, 2])
    """
    random = np.random.default_rng(derive_seed("watched images"))
    return torch.from_numpy(np.sort(random.permutation(count)[:most]))


def images_watched(recipe: Recipe, training: int, validation: int) -> int:
    """How many images of both splits a network evaluates for its whole log."""
    modes = 2 if recipe.dropout else 1  # dropout off and on
    last = modes * min(training, WATCHED) + validation
    if recipe.reported:
        return recipe.epochs * last + modes * (training - min(training, WATCHED))
    earlier = modes * min(training, WATCHED_EARLIER) + min(validation, WATCHED_EARLIER)
    return (recipe.epochs - 1) * earlier + last


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
        """Of each network a row for each split; ``indices``: their numbers in the pool."""
        last, reported = epoch == self.recipe.epochs, self.recipe.reported is not None
        all_seen, early = last and reported, not (last or reported)
        labels = self.training.labels
        chosen = watched_images(len(labels), WATCHED_EARLIER if early else WATCHED)
        # Where all images are evaluated, the chosen ones are taken from these.
        seen, watched = (slice(None), chosen) if all_seen else (chosen, slice(None))
        prepared, images = self.engine.prepare(networks), self.training.images[seen]
        held_out = self.validation
        if early:
            few = watched_images(len(held_out.labels), WATCHED_EARLIER)
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
        labels: Int64[Tensor, " images"],
        off: Float[Tensor, "images classes"],
        on: Float[Tensor, "images classes"] | None = None,
    ) -> EpochLog:
        """From a network's logits with dropout off and on."""
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


def precision_and_recall(
    labels: Int64[Tensor, " images"], votes: Int64[Tensor, " images"], *, classes: int
) -> tuple[float, float]:
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


def _accuracy(labels: Int64[Tensor, " images"], votes: Int64[Tensor, " images"]) -> float:
    return (votes == labels).double().mean().item()


STEPS = 10
"""In how many parts of an epoch the learning rate is constant."""


@dataclass(frozen=True)
class Trajectory:
    """How a network is trained on, and which ones are kept, all else being its recipe's.

    Attributes:
        name: of the method that it is for; a word.
        snapshots: how many networks are kept.
        epochs: between two that are kept.
        cyclic: whether the learning rate falls from the recipe's to zero before each of them, by a
            cosine (Huang et al. 2017, equation 2, in tenths of an epoch); else it is the recipe's.
        continued: whether it begins with the trained network; else with the initial one.
    """

    name: str
    snapshots: int
    epochs: int
    cyclic: bool
    continued: bool

    def text(self, snapshot: int) -> str:
        """What a stored network of it is called, by its number from 0; part of its key."""
        rate = "cosine" if self.cyclic else "constant"
        start = "trained" if self.continued else "initial"
        return f"{self.name} from {start}, {rate}, {self.epochs} epochs, {snapshot + 1}"

    def learning_rate(self, recipe: Recipe, epoch: int, step: int) -> float:
        """Of a tenth of an epoch, both counted from 0.

        >>> from methods.networks.recipes import PLAIN
        >>> cycles = Trajectory("cycles", 5, 4, cyclic=True, continued=False)
        >>> cycles.learning_rate(PLAIN, 4, 0), round(cycles.learning_rate(PLAIN, 6, 0), 6)
        (0.001, 0.0005)
        """
        if not self.cyclic:
            return recipe.learning_rate
        passed = (epoch % self.epochs + step / STEPS) / self.epochs
        return recipe.learning_rate * (1 + math.cos(math.pi * passed)) / 2


def train_trajectory(
    trajectory: Trajectory,
    recipe: Recipe,
    index: int,
    start: Network | None,
    training: LabelledImages,
    *,
    engine: Engine,
    seed: int = 0,
) -> list[TrainedNetwork]:
    """The networks that are kept; order and masks follow from (trajectory, seed, index).

    The optimiser begins anew, and keeps its moments from then on.

    Args:
        start: the trained network, which is left as it is; ``None``: the initial one.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    network = initial_network(recipe, index, seed=seed) if start is None else deepcopy(start)
    random = np.random.default_rng(derive_seed(trajectory.name, seed, index))
    begun = perf_counter()
    trainer = engine.trainer([network], recipe, training)
    kept: list[Network] = []
    for epoch in range(trajectory.snapshots * trajectory.epochs):
        order, masks = orders_and_masks(recipe, len(training.labels), [random])
        for step, part in _parts(len(training.labels), recipe.batch_size):
            rate = trajectory.learning_rate(recipe, epoch, step)
            (loss,) = trainer.epoch(order[:, part], masks[:, part], rate)
            if not (math.isfinite(loss) and is_finite(network)):
                raise diverged(recipe, index, epoch + 1, loss)
        if (epoch + 1) % trajectory.epochs == 0:
            kept.append(deepcopy(network).cpu())
    seconds = (perf_counter() - begun) / len(kept)
    return [TrainedNetwork(snapshot, (), seconds) for snapshot in kept]


def _parts(images: int, batch_size: int) -> Iterator[tuple[int, slice]]:
    """Tenths of an epoch, of whole batches, with their numbers; of few batches, some are empty."""
    batches = -(-images // batch_size)
    ends = [round(batches * step / STEPS) * batch_size for step in range(STEPS + 1)]
    return ((step, slice(*pair)) for step, pair in enumerate(pairwise(ends)) if pair[0] < pair[1])
