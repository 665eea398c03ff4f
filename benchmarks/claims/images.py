"""The images that claims are about, by name."""

from __future__ import annotations

import torch

from benchmarks.predictions import RunUnit
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import EvaluationSet
from benchmarks.vocabulary import CLEAN, PECULIAR, TYPICAL
from methods.scores.disagreement import pairwise_disagreement

TWO_IMAGES = "article-images"
HIGH_DISAGREEMENT = "highest-disagreement"

MOST_IMAGES = 100
"""How many clean images of the highest disagreement are predicted exactly."""


def images_of(plan: Plan, workspace: Workspace, name: str, ensemble: RunUnit) -> EvaluationSet:
    """The images of a condition, of the article, or of the ensemble's highest disagreement."""
    if name in {condition.name for condition in plan.task.conditions}:
        return workspace.evaluation_set(plan.task.condition(name), plan)
    if name == TWO_IMAGES:
        test = workspace.images(plan.task, "test")
        return EvaluationSet(test.images[[TYPICAL, PECULIAR]], test.labels[[TYPICAL, PECULIAR]])
    assert name == high_disagreement_name(ensemble)
    clean = workspace.evaluation_set(plan.task.condition(CLEAN), plan)
    chosen = highest_disagreement(workspace, ensemble)
    assert clean.labels is not None
    return EvaluationSet(clean.images[chosen], clean.labels[chosen])


def high_disagreement_name(ensemble: RunUnit) -> str:
    """The name of the images on which this ensemble's members disagree most."""
    return f"{HIGH_DISAGREEMENT}-{ensemble.recipe}-{ensemble.size}"


def highest_disagreement(workspace: Workspace, ensemble: RunUnit) -> list[int]:
    """The clean images on which the ensemble's members disagree most, in descending order.

    Images of equal disagreement keep their order.
    """
    prediction = workspace.predictions.load(ensemble, CLEAN).prediction
    disagreement = pairwise_disagreement(prediction.vote_share, prediction.members)
    order = torch.sort(disagreement, descending=True, stable=True).indices
    chosen: list[int] = order[:MOST_IMAGES].tolist()
    return chosen
