"""Training of a single network, as most tests of training need it."""

from __future__ import annotations

from methods.engines.base import Engine
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.training import TrainedNetwork, TrainingDivergedError, train_networks


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
