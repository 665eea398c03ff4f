from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, precision_score, recall_score

from methods.determinism import derive_seed
from methods.engines.base import Engine
from methods.engines.numba import NumbaEngine
from methods.engines.torch import TorchEngine
from methods.networks import training
from methods.networks.architectures import LeNet5
from methods.networks.network import draw_masks
from methods.networks.recipes import ARTICLE, PLAIN, STANDARD, LabelledImages, Recipe
from methods.networks.training import (
    EpochLog,
    TrainedNetwork,
    complete_splits,
    precision_and_recall,
    watched_images,
)
from tests.training import train_network

TORCH = TorchEngine()
EPOCHS, TRAINING, SOME = 2, 500, 200


@pytest.fixture(scope="module")
def training_images(training_images: LabelledImages) -> LabelledImages:
    """Fewer, since each test trains networks of its own."""
    return LabelledImages(training_images.images[:TRAINING], training_images.labels[:TRAINING])


@pytest.fixture(autouse=True)
def _few_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WATCHED", SOME)


def trained_by(
    recipe: Recipe, training: LabelledImages, validation: LabelledImages, engine: Engine = TORCH
) -> TrainedNetwork:
    return train_network(replace(recipe, epochs=EPOCHS), 0, training, validation, engine=engine)


def row_of(trained: TrainedNetwork, split: str) -> EpochLog:
    """After the last epoch, whose network is at hand."""
    (row,) = [row for row in trained.log if (row.epoch, row.split) == (EPOCHS, split)]
    return row


@pytest.mark.parametrize("engine", [TORCH, NumbaEngine()], ids=["torch", "numba"])
@pytest.mark.parametrize("recipe", [STANDARD, PLAIN, ARTICLE], ids=lambda recipe: recipe.name)
def test_rows_agree_with_scikit_learn(
    recipe: Recipe, engine: Engine, training_images: LabelledImages, test_images: LabelledImages
) -> None:
    trained = trained_by(recipe, training_images, test_images, engine)
    chosen = watched_images(TRAINING)
    some = LabelledImages(training_images.images[chosen], training_images.labels[chosen])
    splits = {"training": some, "validation": test_images, "all training": training_images}
    for split in complete_splits(recipe):
        row, data = row_of(trained, split), splits[split]
        outputs = TORCH.logits(trained.network, data.images)
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


@pytest.mark.parametrize("engine", [TORCH, NumbaEngine()], ids=["torch", "numba"])
def test_accuracy_with_dropout_on_draws_a_mask_an_image(
    engine: Engine, training_images: LabelledImages, test_images: LabelledImages
) -> None:
    trained = trained_by(ARTICLE, training_images, test_images, engine)
    random = np.random.default_rng(derive_seed("evaluation", 0, 0, EPOCHS))
    keep_mask = draw_masks(random, TRAINING, LeNet5.channels, 0.5)
    votes = TORCH.logits(trained.network, training_images.images, keep_mask).argmax(dim=1)
    right = (votes == training_images.labels).double()
    assert row_of(trained, "all training").accuracy_dropout_on == pytest.approx(right.mean().item())
    some = right[watched_images(TRAINING)].mean().item()
    assert row_of(trained, "training").accuracy_dropout_on == pytest.approx(some)
    assert some != row_of(trained, "training").accuracy
    assert row_of(trained, "validation").accuracy_dropout_on is None


def test_watched_images_are_a_fixed_choice_from_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WATCHED", 10_000)
    chosen = watched_images(60_000)
    assert torch.equal(chosen, watched_images(60_000))
    assert len(chosen) == 10_000
    assert (chosen.diff() > 0).all()
    in_tenths = torch.bincount(chosen // 6000, minlength=10)
    assert (in_tenths - 1000).abs().max() < 4.5 * (1000 * (5 / 6) * 0.9) ** 0.5
    assert torch.equal(watched_images(300), torch.arange(300))


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_precision_and_recall_are_scikit_learns(classes: int) -> None:
    random = np.random.default_rng(classes)
    for images in (1, 2, 5, 300):  # of few, some classes are never predicted, or do not occur
        labels, votes = random.integers(0, classes, (2, images))
        ours = precision_and_recall(
            torch.from_numpy(labels), torch.from_numpy(votes), classes=classes
        )
        expected = [
            score(labels, votes, average="macro", zero_division=0.0)
            for score in (precision_score, recall_score)
        ]
        assert ours == pytest.approx(expected)
