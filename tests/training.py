"""Recipes that most tests of training use, and the training of a single network."""

from __future__ import annotations

from dataclasses import replace

from methods.engines.base import Engine
from methods.networks.architectures import LeNet5ReLU
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.training import TrainedNetwork, TrainingDivergedError, train_networks

STANDARD = Recipe("standard", split="training")
"""The defaults: LeNet-5 with tanh and dropout, by Adam."""

PLAIN = replace(STANDARD, name="plain", dropout=0.0)
RELU_DROPOUT = replace(STANDARD, name="relu-dropout", network=LeNet5ReLU)


def train_network(
    recipe: Recipe,
    index: int,
    training: LabelledImages,
    validation: LabelledImages | None = None,
    *,
    engine: Engine,
    seed: int = 0,
) -> TrainedNetwork:
    (outcome,) = train_networks(recipe, [index], training, validation, engine=engine, seed=seed)
    if isinstance(outcome, TrainingDivergedError):
        raise outcome
    return outcome
