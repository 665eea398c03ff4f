"""Which single images are worth a look, and each method's predictions of them.

Written when all is predicted: the images themselves (``images.npz``), and two tables in
``curves/``, ``explorer.csv`` for the page and ``high_disagreement.csv`` for a figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, groupby, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from benchmarks.arrays import write_arrays
from benchmarks.metrics import METRICS, scoring
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from benchmarks.run.curves import (
    DECIMALS,
    ORIGIN,
    VOTES,
    Row,
    drawn_units,
    example_image,
    origin,
    shows_example,
    votes_on,
)
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.schema import members_text, write_table
from benchmarks.tasks.conditions import Condition, EvaluationSet, choice
from benchmarks.vocabulary import (
    CLEAN,
    CURVES_FOLDER,
    DISAGREEMENT,
    IMAGES_NPZ,
    NO_LABEL,
    SELF_TRAINED,
)
from methods import Prediction
from methods.scores.probabilities import confidence
from methods.threads import one_torch_thread

HIGH_DISAGREEMENT = 12
"""How many images of the highest divergence are shown."""


EXAMPLES = 10
"""How many images of each condition are written: one of each class where there are labels."""

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


class Ranked(NamedTuple):
    """An image, under the condition in which some value of it is highest."""

    condition: Condition
    image: int
    value: float


HIGH_DISAGREEMENT_COLUMNS = (*ORIGIN, "rank", "divergence", *VOTES)
"""Of ``high_disagreement.csv``; ``recipe`` is the one whose methods were compared, also in the rows
of methods that train themselves."""


@one_torch_thread()
def write_shown(plan: Plan, workspace: Workspace, unavailable: Collection[str] = ()) -> None:
    """Write the images that figures and page show, and the predictions of those chosen."""
    store, folder = workspace.predictions, workspace.out / CURVES_FOLDER
    chosen = explored(plan, store)
    disagreed = {
        recipe: high_disagreement_images(plan, store, recipe) for recipe in plan.recipes_compared
    }
    write_table(_explorer_table(plan, store, chosen), folder, "explorer.csv")
    rows = [row for recipe in disagreed for row in _votes(plan, store, recipe, disagreed[recipe])]
    table = pd.DataFrame(rows, columns=list(HIGH_DISAGREEMENT_COLUMNS)).round(DECIMALS)
    write_table(table, folder, "high_disagreement.csv")
    available = [c for c in plan.whole_conditions if c.name not in unavailable]
    sets = {c.name: workspace.evaluation_set(c, plan) for c in available}
    wanted = {(shown.condition.name, shown.image) for shown in chosen}
    wanted |= {(ranked.condition.name, ranked.image) for ranked in chain(*disagreed.values())}
    example = example_image(plan, sets[CLEAN].labels)
    for condition in available:
        examples = _examples_of(sets[condition.name])
        if example is not None and shows_example(condition):
            examples.append(example)
        wanted |= {(condition.name, index) for index in examples}
    save_images(
        [
            (condition.name, sets[condition.name], index)
            for condition in available
            for index in sorted(index for name, index in wanted if name == condition.name)
        ],
        workspace.out / IMAGES_NPZ,
    )


def _explorer_table(plan: Plan, store: PredictionStore, chosen: list[Explored]) -> pd.DataFrame:
    """The predictions of each image by each method's largest size, its first replicate."""
    rows = [
        row
        for (recipe, condition), images in groupby(chosen, lambda i: (i.recipe, i.condition))
        for row in _rows(plan, store, recipe, condition, list(images))
    ]
    classes = range(len(plan.task.classes))
    columns = [f"{what}_{c}" for what in ("vote_share", "mean_probability") for c in classes]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *columns]).astype({"label": "Int64"})
    decimals = {
        name: MEASURE_DECIMALS if name in ("divergence", *MEASURES) else SHARE_DECIMALS
        for name in table.select_dtypes("float")
    }
    return table.round(decimals)


def _votes(
    plan: Plan, store: PredictionStore, recipe: str, disagreed: list[Ranked]
) -> Iterator[Row]:
    """The votes of the largest size of each method on the images of the highest divergence."""
    for rank, ranked in enumerate(disagreed, start=1):
        for unit in largest_units(plan, store, recipe):
            stored = store.load(unit, ranked.condition.name)
            begin = origin(unit, stored.prediction.members, ranked.condition)
            begin |= {"recipe": recipe, "rank": rank, "divergence": ranked.value}
            for row in votes_on(stored, ranked.image):
                yield begin | row


def largest_units(plan: Plan, store: PredictionStore, recipe: str) -> list[RunUnit]:
    """The first replicate of the largest size of each method of a recipe, by name.

    Methods that train themselves are among those of each recipe.
    """
    drawn = drawn_units(plan, lambda unit: store.holds(unit, CLEAN)).values()
    largest = {
        one.unit.method: one.unit
        for one in drawn
        if one.first and one.unit.recipe in (recipe, SELF_TRAINED)
    }
    return [largest[method] for method in sorted(largest)]


def well_defined_conditions(
    plan: Plan, store: PredictionStore, units: list[RunUnit]
) -> list[Condition]:
    """The conditions with well-defined labels of which all the units have predictions."""
    return [
        condition
        for condition in plan.whole_conditions
        if condition.labels == "valid" and all(store.holds(unit, condition.name) for unit in units)
    ]


def high_disagreement_images(plan: Plan, store: PredictionStore, recipe: str) -> list[Ranked]:
    """The images of the highest `divergence` between the largest sizes of a recipe's methods.

    Under the conditions with well-defined labels; none if there is only one method.
    """
    units = largest_units(plan, store, recipe)
    if len(units) < 2:
        return []
    values = {c: divergence(store, units, c) for c in well_defined_conditions(plan, store, units)}
    return highest(values, HIGH_DISAGREEMENT)


def highest(values: dict[Condition, Float[Tensor, " images"]], count: int) -> list[Ranked]:
    """The images of the highest values, each under one condition only, and none of value 0."""
    paired: dict[str, list[Condition]] = {}
    for condition in values:
        paired.setdefault(condition.paired_with, []).append(condition)
    ranked: list[Ranked] = []
    for conditions in paired.values():
        # Rounded, so that images are ranked alike on every machine.
        of_each, where = torch.stack([values[c] for c in conditions]).round(decimals=9).max(dim=0)
        ranked += [
            Ranked(conditions[int(where[image])], int(image), float(of_each[image]))
            for image in of_each.sort(descending=True, stable=True).indices[:count]
            if of_each[image] > 0
        ]
    return sorted(ranked, key=lambda one: -one.value)[:count]


def divergence(
    store: PredictionStore, units: list[RunUnit], condition: Condition
) -> Float[Tensor, " images"]:
    """How much the votes of run units differ on each image, in nats.

    The Jensen–Shannon divergence (Lin 1991, equation 5.1), H(mean_k s_k) − mean_k H(s_k) with s_k
    the vote shares of unit k: 0 where these are equal, however much the members of each disagree.
    """
    shares = torch.stack([store.load(unit, condition.name).prediction.vote_share for unit in units])
    entropy_of_mean = torch.special.entr(shares.mean(dim=0)).sum(dim=-1)
    difference: Tensor = entropy_of_mean - torch.special.entr(shares).sum(dim=-1).mean(dim=0)
    return difference


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
        for of_method, values in columns:
            of_image = {name: float(column[image.image]) for name, column in values}
            yield chosen | of_method | of_image


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


def save_images(chosen: Sequence[tuple[str, EvaluationSet, int]], path: Path) -> None:
    """Write images, each given by the name of its condition, the evaluation set and its index.

    The file has ``pixels`` uint8 [images, height, width], or [images, height, width, 3] in colour,
    and of each image its ``condition``, ``index``
    and ``label`` (−1: none).
    """
    labels = [NO_LABEL if one.labels is None else int(one.labels[i]) for _, one, i in chosen]
    arrays = {
        "pixels": np.stack([pixels(one.images[index]) for _, one, index in chosen]),
        "condition": np.array([condition for condition, *_ in chosen]),
        "index": np.array([index for *_, index in chosen]),
        "label": np.array(labels),
    }
    write_arrays(arrays, path)


def pixels(image: Float[Tensor, "channels height width"]) -> UInt8[np.ndarray, "height width *3"]:
    """An image as figures draw it: grey, or in colours of three channels.

    >>> pixels(torch.ones(1, 2, 3)).shape, pixels(torch.ones(3, 2, 3)).shape
    ((2, 3), (2, 3, 3))
    """
    shades = (image * 255).round().byte()
    drawn: UInt8[np.ndarray, ...] = shades.permute(1, 2, 0).numpy()
    return drawn if len(shades) == 3 else shades.float().mean(dim=0).byte().numpy()


def _examples_of(evaluated: EvaluationSet) -> list[int]:
    """The first image of each class, or the first images where there are no labels."""
    if evaluated.labels is None:
        return list(range(min(EXAMPLES, len(evaluated.images))))
    return [int((evaluated.labels == c).nonzero()[0]) for c in torch.unique(evaluated.labels)]
