"""Which single images are worth a look, and each method's predictions of them: `explorer.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, groupby, zip_longest
from typing import Any, NamedTuple

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.metrics import METRICS, scoring
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from benchmarks.records import members_text, write_table
from benchmarks.run.figure_data.compared import (
    divergence,
    highest,
    largest_units,
    well_defined_conditions,
)
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import CONDITIONS, Condition, chosen_indices
from benchmarks.vocabulary import (
    CLEAN,
    CURVES_FOLDER,
    EXPLORED_MEASURES,
    MAIN_RECIPE,
    PECULIAR,
    TYPICAL,
)
from methods import Prediction
from methods.scores.confidence import confidence
from methods.threads import one_torch_thread

IMAGES = 300
"""How many are chosen, if the run has as many."""

SAMPLE = 12
"""Of each out-of-distribution set: the first that were evaluated."""

ARTICLE = "article"
"""The recipe whose methods predict the article's digits, beside the main one."""

_CLASSES = range(10)

COLUMNS = (
    *("recipe", "condition", "index", "number", "label", "reasons", "divergence"),
    *("method", "members", "replicate"),
    *EXPLORED_MEASURES,
    *(f"vote_share_{c}" for c in _CLASSES),
    *(f"mean_probability_{c}" for c in _CLASSES),
)
"""A row an image and method. ``index`` is among the images evaluated, ``number`` in their data set;
``reasons``: see `explored`; ``divergence``: of the methods' votes."""

MEASURE_DECIMALS, SHARE_DECIMALS = 5, 3

ImageKey = tuple[str, str, int]
"""Recipe, condition and index."""


class Explored(NamedTuple):
    """An image that was chosen, and for what."""

    recipe: str
    condition: Condition
    image: int
    reasons: tuple[str, ...]


@one_torch_thread()
def write_explorer(plan: Plan, workspace: Workspace) -> None:
    """Write the predictions of each image by each method's largest size, its first replicate."""
    rows = [
        row
        for (recipe, condition), images in groupby(
            explored(plan, workspace.predictions), lambda i: (i.recipe, i.condition)
        )
        for row in _rows(plan, workspace.predictions, recipe, condition, list(images))
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"label": "Int64"})
    decimals = {
        name: MEASURE_DECIMALS if name in ("divergence", *EXPLORED_MEASURES) else SHARE_DECIMALS
        for name in table.select_dtypes("float")
    }
    write_table(table.round(decimals), workspace.out / CURVES_FOLDER / "explorer.csv")


def explored(plan: Plan, store: PredictionStore) -> list[Explored]:
    """The images chosen, one at a time from each of several rankings, until there are enough.

    The reasons are one or more of: ``article`` (shown in the article); ``sample`` (of an
    out-of-distribution set); and, ranked separately for clean and rotated images,
    ``high-disagreement:METHOD`` (whose members disagree most), ``wrong:METHOD`` (misclassified with
    most confidence) and ``divergent`` (on which the methods' votes differ most).
    """
    chosen: dict[ImageKey, list[str]] = {}
    for reason, image in filter(None, chain.from_iterable(zip_longest(*_rankings(plan, store)))):
        chosen.setdefault(image, []).append(reason)
        if len(chosen) == IMAGES:
            break
    ordered = sorted(chosen, key=lambda key: (key[0], list(CONDITIONS).index(key[1]), key[2]))
    return [
        Explored(recipe, CONDITIONS[name], index, tuple(dict.fromkeys(chosen[recipe, name, index])))
        for recipe, name, index in ordered
    ]


def _rankings(plan: Plan, store: PredictionStore) -> Iterator[list[tuple[str, ImageKey]]]:
    recipes = plan.recipes_compared
    recipe = MAIN_RECIPE if MAIN_RECIPE in recipes else recipes[0]
    units = largest_units(plan, store, recipe)
    if not units:
        return
    for name in dict.fromkeys((recipe, ARTICLE)):
        if name in recipes and largest_units(plan, store, name):
            yield _of_article(plan, name)
    defined = well_defined_conditions(plan, store, units)
    for conditions in ([c for c in defined if not c.angle], [c for c in defined if c.angle]):
        for reason, values in _values(store, units, conditions):
            ranked = highest(values, IMAGES)
            yield [(reason, (recipe, one.condition.name, one.image)) for one in ranked]
    for condition in plan.whole_conditions:
        if not condition.labelled and store.holds(units[0], condition.name):
            first = range(min(SAMPLE, len(_dataset_indices(plan))))
            yield [("sample", (recipe, condition.name, index)) for index in first]


def _of_article(plan: Plan, recipe: str) -> list[tuple[str, ImageKey]]:
    evaluated = _dataset_indices(plan)
    return [
        ("article", (recipe, CLEAN, evaluated.index(image)))
        for image in (TYPICAL, PECULIAR)
        if image in evaluated
    ]


def _dataset_indices(plan: Plan) -> list[int]:
    """Of the images evaluated, their indices in the data set."""
    chosen = plan.configuration
    return [int(index) for index in chosen_indices(chosen.images, chosen.seed)]


def _values(
    store: PredictionStore, units: list[RunUnit], conditions: list[Condition]
) -> Iterator[tuple[str, dict[Condition, Float[Tensor, " images"]]]]:
    """The values by which images are ranked, under each of the conditions."""
    for unit in units:
        predictions = {c: store.load(unit, c.name) for c in conditions}
        yield f"wrong:{unit.method}", {c: _wrong_confidence(s) for c, s in predictions.items()}
        high_disagreement = METRICS["pairwise_disagreement"].function
        yield (
            f"high-disagreement:{unit.method}",
            {c: high_disagreement(s.prediction).nan_to_num(0.0) for c, s in predictions.items()},
        )
    if len(units) > 1:
        yield "divergent", {c: divergence(store, units, c) for c in conditions}


def _wrong_confidence(stored: StoredPrediction) -> Float[Tensor, " images"]:
    """The confidence of each misclassified image, and 0 of all others."""
    mean, labels = stored.prediction.mean, stored.labels
    assert labels is not None
    return torch.where(scoring.correct(mean, labels), 0.0, confidence(mean))


def _rows(
    plan: Plan, store: PredictionStore, recipe: str, condition: Condition, images: list[Explored]
) -> Iterator[dict[str, Any]]:
    """A row an image and method, of images of one condition."""
    units = [u for u in largest_units(plan, store, recipe) if store.holds(u, condition.name)]
    predictions = [store.load(unit, condition.name) for unit in units]
    columns = [
        (_origin(unit, stored.prediction), _columns(stored.prediction))
        for unit, stored in zip(units, predictions, strict=True)
    ]
    labels, dataset_indices = predictions[0].labels, _dataset_indices(plan)
    divergences = divergence(store, units, condition) if len(units) > 1 else None
    for image in images:
        chosen = {
            "recipe": recipe,
            "condition": condition.name,
            "index": image.image,
            "number": dataset_indices[image.image],
            "label": None if labels is None else int(labels[image.image]),
            "reasons": ";".join(image.reasons),
            "divergence": None if divergences is None else float(divergences[image.image]),
        }
        for origin, values in columns:
            yield chosen | origin | {name: float(column[image.image]) for name, column in values}


def _origin(unit: RunUnit, prediction: Prediction) -> dict[str, Any]:
    members = members_text(prediction.members)
    return {"method": unit.method, "members": members, "replicate": unit.replicate}


def _columns(prediction: Prediction) -> list[tuple[str, Float[Tensor, " images"]]]:
    uncertainties = (name for name in EXPLORED_MEASURES if name in METRICS)
    return [
        ("confidence", confidence(prediction.mean)),
        *((name, METRICS[name].function(prediction)) for name in uncertainties),
        *((f"vote_share_{c}", prediction.vote_share[:, c]) for c in _CLASSES),
        *((f"mean_probability_{c}", prediction.mean[:, c]) for c in _CLASSES),
    ]
