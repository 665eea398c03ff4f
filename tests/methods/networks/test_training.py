"""Training, and the log of how well networks do after each epoch."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, precision_score, recall_score
from torch import Tensor
from torch.nn.utils import parameters_to_vector
from torch.optim.swa_utils import AveragedModel

from methods.determinism import derive_seed
from methods.engines.base import Engine
from methods.engines.numba import NumbaEngine, NumbaTrainer
from methods.engines.torch import LoopTrainer, TorchEngine
from methods.networks import training
from methods.networks.architectures import LeNet5
from methods.networks.network import Network, draw_masks
from methods.networks.pool import NetworkPool
from methods.networks.recipes import ARTICLE, LabelledImages, Recipe
from methods.networks.training import (
    EpochLog,
    TrainedNetwork,
    TrainingDivergedError,
    complete_splits,
    orders_and_masks,
    train_networks,
    watched_images,
)
from methods.softmax import WeightAveraging
from tests.training import PLAIN, STANDARD, train_network

ENGINE = TorchEngine()
ENGINES = pytest.mark.parametrize("engine", [ENGINE, NumbaEngine()], ids=["torch", "numba"])
SHORT = replace(STANDARD, epochs=1)


@pytest.fixture(scope="module")
def few_images(training_images: LabelledImages) -> LabelledImages:
    """Enough where nothing need be learnt."""
    return LabelledImages(training_images.images[:500], training_images.labels[:500])


@ENGINES
def test_watching_a_network_does_not_change_it(
    engine: Engine, few_images: LabelledImages, test_images: LabelledImages
) -> None:
    recipe = replace(STANDARD, epochs=2)
    alone = train_network(recipe, 0, few_images, engine=engine)
    watched = train_network(recipe, 0, few_images, test_images, engine=engine)
    vectors = [parameters_to_vector(one.network.parameters()) for one in (alone, watched)]
    assert torch.equal(*vectors)
    assert alone.log == ()


@pytest.mark.parametrize("recipe", [STANDARD, ARTICLE], ids=lambda recipe: recipe.name)
def test_order_is_drawn_for_each_network_unless_the_recipe_keeps_that_of_the_images(
    recipe: Recipe,
) -> None:
    randoms = [np.random.default_rng(seed) for seed in (0, 1)]
    orders, _ = orders_and_masks(recipe, 2 * [np.arange(130)], randoms)
    assert all(torch.equal(order.sort().values, torch.arange(130)) for order in orders)
    assert torch.equal(*orders) != recipe.shuffled
    assert recipe.shuffled or torch.equal(orders[0], torch.arange(130))


def test_each_network_of_a_bagged_recipe_has_a_draw_of_its_own_in_all_epochs(
    training_images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, orders = replace(PLAIN, name="bagged", bootstrap=True, epochs=2), []

    class Watched(LoopTrainer):
        def epoch(self, own: Tensor, keep_mask: Tensor, rates: None = None) -> list[float]:
            orders.append(own)
            return super().epoch(own, keep_mask, rates)

    monkeypatch.setattr("methods.engines.torch.LoopTrainer", Watched)
    train_networks(recipe, [0, 1], training_images, engine=TorchEngine())
    count = len(training_images.labels)
    for first, second in zip(*orders, strict=True):
        assert not torch.equal(first, second)
        assert torch.equal(first.sort().values, second.sort().values)
        # The chance that an image is not drawn is 1/e.
        assert len(first.unique()) / count == pytest.approx(1 - 1 / math.e, abs=0.03)
    assert not torch.equal(*(order.sort().values for order in orders[0]))


@pytest.mark.parametrize("trainer", [LoopTrainer, NumbaTrainer])
def test_weights_are_the_mean_of_the_ends_of_the_last_quarter(
    trainer: Any, few_images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(PLAIN, optimiser="sgd", epochs=8)
    ends: list[Network] = []
    epoch = trainer.epoch

    def watched(trainer: Any, *work: Any) -> list[float]:
        losses = epoch(trainer, *work)
        ends.append(deepcopy(trainer._networks[0]))
        return losses

    monkeypatch.setattr(trainer, "epoch", watched)
    engine = ENGINE if trainer is LoopTrainer else NumbaEngine()
    method = WeightAveraging(pool=NetworkPool(recipe, engine=engine))
    method.fit(few_images.images, few_images.labels)
    average = AveragedModel(ends[6])
    for end in ends[6:]:
        average.update_parameters(end)
    (network,) = method.fitted
    vectors = [parameters_to_vector(one.parameters()) for one in (network, average.module)]
    torch.testing.assert_close(*vectors)
    assert not torch.equal(vectors[0], parameters_to_vector(ends[7].parameters()))
    assert not network.training


@pytest.mark.parametrize("epochs", [0, -1, math.nan])
def test_recipe_without_a_step_is_refused(epochs: float) -> None:
    with pytest.raises(ValueError, match=f"'plain': epochs is {epochs}; expected more than 0"):
        replace(PLAIN, epochs=epochs)


@pytest.mark.parametrize(("epochs", "steps"), [(0.5, [5]), (1, [10]), (1.5, [10, 5]), (0.001, [1])])
def test_a_share_of_an_epoch_is_that_share_of_its_steps(
    epochs: float,
    steps: list[int],
    training_images: LabelledImages,
    test_images: LabelledImages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The last of ten batches is smaller.
    data = LabelledImages(training_images.images[:600], training_images.labels[:600])
    taken = []

    class Watched(LoopTrainer):
        def epoch(self, orders: Tensor, *given: Any) -> list[float]:
            assert orders.shape[1] == orders.unique().numel()
            taken.append(-(-orders.shape[1] // 64))
            return super().epoch(orders, *given)

    monkeypatch.setattr("methods.engines.torch.LoopTrainer", Watched)
    recipe = replace(STANDARD, epochs=epochs)
    trained = train_network(recipe, 0, data, test_images, engine=ENGINE)
    assert taken == steps
    assert recipe.steps(600) == sum(steps)
    assert {row.epoch for row in trained.log} == {*range(1, len(steps) + 1)}
    assert row_of(trained, "validation", len(steps)).images == len(test_images.labels)


@ENGINES
def test_diverged_loss_stops_with_a_clear_error(engine: Engine, few_images: LabelledImages) -> None:
    broken = LabelledImages(few_images.images.clone(), few_images.labels)
    broken.images[70, 0, 3, 3] = math.nan
    with pytest.raises(TrainingDivergedError, match=r"network 7 of recipe 'standard'.* in epoch 1"):
        train_network(SHORT, 7, broken, engine=engine)


@ENGINES
def test_a_last_step_that_no_loss_has_seen_is_noticed(
    engine: Engine, training_images: LabelledImages
) -> None:
    one_step = replace(SHORT, batch_size=1500, learning_rate=math.inf)
    with pytest.raises(TrainingDivergedError, match="the loss became nan in epoch 1"):
        train_network(one_step, 7, training_images, engine=engine)


EPOCHS, TRAINING, SOME, FEW = 2, 500, 200, 60


@pytest.fixture
def few_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WATCHED", FEW)
    monkeypatch.setattr(training, "WATCHED_OF_REPORTED", SOME)


def row_of(trained: TrainedNetwork, split: str, epoch: int = EPOCHS) -> EpochLog:
    """After the last epoch, whose network is at hand."""
    (row,) = [row for row in trained.log if (row.epoch, row.split) == (epoch, split)]
    return row


@pytest.mark.usefixtures("few_are_watched")
@ENGINES
@pytest.mark.parametrize("recipe", [PLAIN, ARTICLE], ids=lambda recipe: recipe.name)
def test_rows_agree_with_scikit_learn(
    recipe: Recipe, engine: Engine, few_images: LabelledImages, test_images: LabelledImages
) -> None:
    twice = replace(recipe, epochs=EPOCHS)
    trained = train_network(twice, 0, few_images, test_images, engine=engine)
    splits = {"training": few_images, "validation": test_images, "all training": few_images}
    watched = {"training": SOME} if recipe.reported else {"training": FEW, "validation": FEW}
    for split, count in watched.items():
        images, labels = splits[split].images, splits[split].labels
        chosen = watched_images(len(labels), count)
        splits[split] = LabelledImages(images[chosen], labels[chosen])
    for split in complete_splits(recipe):
        row, data = row_of(trained, split), splits[split]
        outputs = ENGINE.logits(trained.network, data.images)
        votes = outputs.argmax(dim=1)
        assert row.images == len(data.labels)
        assert row.accuracy == pytest.approx(accuracy_score(data.labels, votes))
        for measured, score in ((row.precision, precision_score), (row.recall, recall_score)):
            expected = score(data.labels, votes, average="macro", zero_division=0.0)
            assert measured == pytest.approx(expected)
        probabilities = outputs.double().softmax(1)
        if recipe.loss == "softmax":
            probabilities = probabilities.softmax(1)
        assert row.loss == pytest.approx(log_loss(data.labels, probabilities), rel=1e-5)


@pytest.mark.usefixtures("few_are_watched")
@ENGINES
def test_accuracy_with_dropout_on_draws_a_mask_an_image(
    engine: Engine, few_images: LabelledImages, test_images: LabelledImages
) -> None:
    twice = replace(ARTICLE, epochs=EPOCHS)
    trained = train_network(twice, 0, few_images, test_images, engine=engine)
    random = np.random.default_rng(derive_seed("evaluation", 0, 0, EPOCHS))
    keep_mask = draw_masks(random, TRAINING, LeNet5.channels, 0.5)
    votes = ENGINE.logits(trained.network, few_images.images, keep_mask).argmax(dim=1)
    right = (votes == few_images.labels).double()
    assert row_of(trained, "all training").accuracy_dropout_on == pytest.approx(right.mean().item())
    some = right[watched_images(TRAINING, SOME)].mean().item()
    assert row_of(trained, "training").accuracy_dropout_on == pytest.approx(some)
    assert some != row_of(trained, "training").accuracy
    assert row_of(trained, "validation").accuracy_dropout_on is None
