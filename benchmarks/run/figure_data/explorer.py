"""Which single images are worth a look, and what each method thinks of them: `explorer.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, groupby, zip_longest
from typing import Any, NamedTuple

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.inference.measures import UNCERTAINTIES
from benchmarks.metrics import calibration, scoring
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.records import members_text, write_table
from benchmarks.run.figure_data.curves import (
    certain_conditions,
    contestants,
    divergence,
    highest,
    large_conditions,
    recipes_compared,
)
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import CONDITIONS, Condition, chosen_indices
from benchmarks.vocabulary import CLEAN, CURVES_FOLDER, PECULIAR, TYPICAL
from methods import Prediction
from methods.threads import one_torch_thread

IMAGES = 300
"""How many are chosen, if the run has as many."""

SAMPLE = 12
"""Of each out-of-distribution set: the first that were judged."""

ARTICLE_IMAGES = (TYPICAL, PECULIAR)
"""Places in MNIST's test set of the digits that the article shows."""

PREFERRED, ARTICLE = "standard", "article"
"""The recipe whose methods are asked, where the run has it; the article's digits need another."""

MEASURES = (
    *("confidence", "predictive_entropy", "expected_entropy"),
    *("mutual_information", "pairwise_disagreement"),
)

_CLASSES = range(10)

COLUMNS = (
    *("recipe", "condition", "index", "place", "label", "why", "divergence"),
    *("method", "members", "replicate"),
    *MEASURES,
    *(f"vote_share_{c}" for c in _CLASSES),
    *(f"mean_probability_{c}" for c in _CLASSES),
)
"""A row an image and method. ``index`` is among the images judged, ``place`` in their data set;
``why``: see `explored`; ``divergence``: of the methods' votes."""

MEASURE_DECIMALS, SHARE_DECIMALS = 5, 3

Picture = tuple[str, str, int]
"""Recipe, condition and index."""


class Explored(NamedTuple):
    """An image that was chosen, and for what."""

    recipe: str
    condition: Condition
    image: int
    why: tuple[str, ...]


@one_torch_thread()
def write_explorer(plan: Plan, workspace: Workspace) -> None:
    """Write what the largest size of each method, its first replicate, thinks of each image."""
    rows = [
        row
        for (recipe, condition), images in groupby(
            explored(plan, workspace), lambda i: (i.recipe, i.condition)
        )
        for row in _rows(plan, workspace, recipe, condition, list(images))
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"label": "Int64"})
    decimals = {
        name: MEASURE_DECIMALS if name in ("divergence", *MEASURES) else SHARE_DECIMALS
        for name in table.select_dtypes("float")
    }
    write_table(table.round(decimals), workspace.out / CURVES_FOLDER / "explorer.csv")


def explored(plan: Plan, workspace: Workspace) -> list[Explored]:
    """The images chosen, in turn from each of several rankings, until there are enough.

    Why an image was chosen is one or more of: ``article`` (shown in the article); ``sample`` (of an
    out-of-distribution set); and, ranked apart for clean and for turned images, ``high-disagreement:METHOD``
    (whose members disagree most), ``wrong:METHOD`` (misclassified with most confidence) and
    ``divergent`` (on which the methods' votes differ most).
    """
    chosen: dict[Picture, list[str]] = {}
    for why, picture in filter(None, chain.from_iterable(zip_longest(*_rankings(plan, workspace)))):
        chosen.setdefault(picture, []).append(why)
        if len(chosen) == IMAGES:
            break
    by_place = sorted(chosen, key=lambda p: (p[0], list(CONDITIONS).index(p[1]), p[2]))
    return [
        Explored(recipe, CONDITIONS[name], index, tuple(dict.fromkeys(chosen[recipe, name, index])))
        for recipe, name, index in by_place
    ]


def _rankings(plan: Plan, workspace: Workspace) -> Iterator[list[tuple[str, Picture]]]:
    recipes = recipes_compared(plan)
    recipe = PREFERRED if PREFERRED in recipes else recipes[0]
    units = contestants(plan, workspace, recipe)
    if not units:
        return
    for name in dict.fromkeys((recipe, ARTICLE)):
        if name in recipes and contestants(plan, workspace, name):
            yield _of_article(plan, name)
    certain = certain_conditions(plan, workspace, units)
    for conditions in ([c for c in certain if not c.angle], [c for c in certain if c.angle]):
        for why, values in _values(workspace, units, conditions):
            ranked = highest(values, IMAGES)
            yield [(why, (recipe, one.condition.name, one.image)) for one in ranked]
    for condition in large_conditions(plan):
        if not condition.labelled and workspace.predictions.holds(units[0], condition.name):
            first = range(min(SAMPLE, len(_places(plan))))
            yield [("sample", (recipe, condition.name, index)) for index in first]


def _of_article(plan: Plan, recipe: str) -> list[tuple[str, Picture]]:
    judged = _places(plan)
    return [
        ("article", (recipe, CLEAN, judged.index(place)))
        for place in ARTICLE_IMAGES
        if place in judged
    ]


def _places(plan: Plan) -> list[int]:
    return [
        int(place) for place in chosen_indices(plan.configuration.images, plan.configuration.seed)
    ]


def _values(
    workspace: Workspace, units: list[RunUnit], conditions: list[Condition]
) -> Iterator[tuple[str, dict[Condition, Float[Tensor, " images"]]]]:
    """By what the images are ranked, under each of the conditions."""
    for unit in units:
        predictions = {c: workspace.predictions.load(unit, c.name) for c in conditions}
        yield f"wrong:{unit.method}", {c: _wrong_confidence(s) for c, s in predictions.items()}
        high_disagreement = UNCERTAINTIES["pairwise_disagreement"]
        yield (
            f"high-disagreement:{unit.method}",
            {c: high_disagreement(s.prediction).nan_to_num(0.0) for c, s in predictions.items()},
        )
    if len(units) > 1:
        yield "divergent", {c: divergence(workspace, units, c) for c in conditions}


def _wrong_confidence(stored: StoredPrediction) -> Float[Tensor, " images"]:
    """The confidence of each misclassified image, and 0 of all others."""
    mean, labels = stored.prediction.mean, stored.labels
    assert labels is not None
    return torch.where(scoring.correct(mean, labels), 0.0, calibration.confidence(mean))


def _rows(
    plan: Plan, workspace: Workspace, recipe: str, condition: Condition, images: list[Explored]
) -> Iterator[dict[str, Any]]:
    """A row an image and method, of images of one condition."""
    units = [
        c
        for c in contestants(plan, workspace, recipe)
        if workspace.predictions.holds(c, condition.name)
    ]
    predictions = [workspace.predictions.load(unit, condition.name) for unit in units]
    columns = [
        (_origin(unit, stored.prediction), _columns(stored.prediction))
        for unit, stored in zip(units, predictions, strict=True)
    ]
    labels, judged = predictions[0].labels, _places(plan)
    differing = divergence(workspace, units, condition) if len(units) > 1 else None
    for image in images:
        what = {
            "recipe": recipe,
            "condition": condition.name,
            "index": image.image,
            "place": judged[image.image],
            "label": None if labels is None else int(labels[image.image]),
            "why": ";".join(image.why),
            "divergence": None if differing is None else float(differing[image.image]),
        }
        for origin, values in columns:
            yield what | origin | {name: float(of_all[image.image]) for name, of_all in values}


def _origin(unit: RunUnit, prediction: Prediction) -> dict[str, Any]:
    members = members_text(prediction.members)
    return {"method": unit.method, "members": members, "replicate": unit.replicate}


def _columns(prediction: Prediction) -> list[tuple[str, Float[Tensor, " images"]]]:
    measures = {"confidence": calibration.confidence(prediction.mean)} | {
        name: of_each(prediction) for name, of_each in UNCERTAINTIES.items()
    }
    return [
        *((name, measures[name]) for name in MEASURES),
        *((f"vote_share_{c}", prediction.vote_share[:, c]) for c in _CLASSES),
        *((f"mean_probability_{c}", prediction.mean[:, c]) for c in _CLASSES),
    ]
