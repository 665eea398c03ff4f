"""What the methods say of the test images: where a drawn image stands among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float32

from benchmarks.claims.predictor import ENSEMBLE, SAMPLED, SOFTMAX, RecipePredictor
from benchmarks.metrics import METRICS
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import EvaluationSet
from benchmarks.vocabulary import CLEAN
from methods import Prediction

MEASURES = ("predictive_entropy", "mutual_information", "pairwise_disagreement")

Predictions = Mapping[str, Prediction]
"""By method, of all test images."""


def predictions_of_test_images(
    plan: Plan, workspace: Workspace, recipe: str, *, networks: int, passes: int
) -> tuple[EvaluationSet, Predictions]:
    """The test images, and what is predicted by network 0, its passes, and all networks."""
    with TemporaryDirectory() as folder:
        elsewhere = replace(workspace, out=Path(folder))
        predictor = RecipePredictor(plan, elsewhere, recipe, networks=networks)
        units = {
            SOFTMAX: predictor.softmax(0),
            SAMPLED: predictor.mc_dropout(0, passes),
            ENSEMBLE: predictor.ensemble,
        }
        predictor.predict([(unit, CLEAN) for unit in units.values()])
        predictions = {name: predictor.get(unit) for name, unit in units.items()}
        return predictor.images(CLEAN), predictions


def standings(predictions: Predictions) -> dict[tuple[str, str], Float32[np.ndarray, " images"]]:
    """By method and measure, the values of all test images, ascending.

    A single network has no measure of members that differ.
    """
    return {
        (method, measure): np.sort(METRICS[measure].function(prediction).numpy().astype("<f4"))
        for method, prediction in predictions.items()
        for measure in (MEASURES[:1] if prediction.members == 1 else MEASURES)
    }
