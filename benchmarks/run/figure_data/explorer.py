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
from benchmarks.run.figure_data.compared import (
    divergence,
    highest,
    largest_units,
    well_defined_conditions,
)
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.schema import members_text, write_table
from benchmarks.tasks.conditions import Condition, choice
from benchmarks.vocabulary import (
    CLEAN,
    CURVES_FOLDER,
    DISAGREEMENT,
)
from methods import Prediction
from methods.scores.probabilities import confidence
from methods.threads import one_torch_thread

IMAGES = 300
"""How many are chosen, if the run has as many."""

SAMPLE = 12
"""Of each out-of-distribution set: the first that were evaluated."""

MEASURES = (
    *("confidence", "predictive_entropy", "expected_entropy"),
    *("mutual_information", DISAGREEMENT),
)
"""Of single images."""

COLUMNS = (
    *("recipe", "condition", "index", "number", "label", "reasons", "divergence"),
    *("method", "members", "replicate"),
    *MEASURES,
)
"""A row an image and method; ``vote_share_<c>`` and ``mean_probability_<c>`` for each class follow.

``index`` is among the images evaluated, ``number`` in their data set; ``reasons``: see `explored`;
``divergence``: of the methods' votes."""

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
    classes = range(len(plan.task.classes))
    columns = [f"{what}_{c}" for what in ("vote_share", "mean_probability") for c in classes]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *columns]).astype({"label": "Int64"})
    decimals = {
        name: MEASURE_DECIMALS if name in ("divergence", *MEASURES) else SHARE_DECIMALS
        for name in table.select_dtypes("float")
    }
    write_table(table.round(decimals), workspace.out / CURVES_FOLDER, "explorer.csv")


def explored(plan: Plan, store: PredictionStore) -> list[Explored]:
    """The images chosen, one at a time from each of several rankings, until there are enough.

    The reasons are one or more of: ``article`` (shown in the article); ``sample`` (of an
    out-of-distribution set); and, ranked separately for clean images and for each kind of shift,
    ``high-disagreement:METHOD`` (whose members disagree most), ``wrong:METHOD`` (misclassified with
    most confidence) and ``divergent`` (on which the methods' votes differ most).
    """
    chosen: dict[ImageKey, list[str]] = {}
    for reason, image in filter(None, chain.from_iterable(zip_longest(*_rankings(plan, store)))):
        chosen.setdefault(image, []).append(reason)
        if len(chosen) == IMAGES:
            break
    order = [condition.name for condition in plan.conditions]
    ordered = sorted(chosen, key=lambda key: (key[0], order.index(key[1]), key[2]))
    return [
        Explored(
            recipe,
            plan.task.condition(name),
            index,
            tuple(dict.fromkeys(chosen[recipe, name, index])),
        )
        for recipe, name, index in ordered
    ]


def _rankings(plan: Plan, store: PredictionStore) -> Iterator[list[tuple[str, ImageKey]]]:
    recipe = plan.main_recipe
    units = largest_units(plan, store, recipe)
    if not units:
        return
    for name in dict.fromkeys((recipe, *plan.recipes_compared)):
        if largest_units(plan, store, name):
            yield _of_article(plan, name)
    defined = well_defined_conditions(plan, store, units)
    for _, conditions in groupby(defined, lambda condition: condition.group):
        for reason, values in _values(store, units, list(conditions)):
            ranked = highest(values, IMAGES)
            yield [(reason, (recipe, one.condition.name, one.image)) for one in ranked]
    for condition in plan.whole_conditions:
        if not condition.labelled and store.holds(units[0], condition.name):
            first = range(min(SAMPLE, len(_numbers(plan, condition))))
            yield [("sample", (recipe, condition.name, index)) for index in first]


def _of_article(plan: Plan, recipe: str) -> list[tuple[str, ImageKey]]:
    evaluated = _numbers(plan, plan.task.condition(CLEAN))
    return [
        ("article", (recipe, CLEAN, evaluated.index(image)))
        for image in plan.task.article_images
        if image in evaluated
    ]


def _numbers(plan: Plan, condition: Condition) -> list[int]:
    """Of the images evaluated, their numbers in the data set; loads nothing."""
    available = condition.size or plan.task.test_images
    chosen = choice(available, plan.images_of(condition), plan.configuration.seed)
    return [int(number) for number in chosen]


def _values(
    store: PredictionStore, units: list[RunUnit], conditions: list[Condition]
) -> Iterator[tuple[str, dict[Condition, Float[Tensor, " images"]]]]:
    """The values by which images are ranked, under each of the conditions."""
    for unit in units:
        predictions = {c: store.load(unit, c.name) for c in conditions}
        yield f"wrong:{unit.method}", {c: _wrong_confidence(s) for c, s in predictions.items()}
        high_disagreement = METRICS[DISAGREEMENT].function
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
    labels, numbers = predictions[0].labels, _numbers(plan, condition)
    divergences = divergence(store, units, condition) if len(units) > 1 else None
    for image in images:
        chosen = {
            "recipe": recipe,
            "condition": condition.name,
            "index": image.image,
            "number": numbers[image.image],
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
    uncertainties = (name for name in MEASURES if name in METRICS)
    return [
        ("confidence", confidence(prediction.mean)),
        *((name, METRICS[name].function(prediction)) for name in uncertainties),
        *((f"vote_share_{c}", share) for c, share in enumerate(prediction.vote_share.T)),
        *((f"mean_probability_{c}", mean) for c, mean in enumerate(prediction.mean.T)),
    ]
