"""Count plots without sampling: how much of them is Monte-Carlo noise, how much the network's draw.

Three tables in the folder ``claims`` of a run:

``exact.csv``: every measure by all 2²² sub-networks and by 100 passes, for each network and image;
``monte_carlo_error.csv``: mean and root mean square error of each measure by number of passes T;
``spread.csv``: the variance of a class's votes, by networks and by passes.

A measure is a measure of uncertainty, or the share of the votes for a ``class``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.claims.images import (
    TWO_IMAGES,
    high_disagreement_name,
    highest_disagreement,
)
from benchmarks.claims.predictor import PASSES, RecipePredictor, Request
from benchmarks.metrics import METRICS
from benchmarks.metrics.uncertainties import PredictionMeans
from benchmarks.records import where, write_table
from benchmarks.stored.listing import own_file
from benchmarks.vocabulary import CLAIMS_FOLDER, CLEAN, PECULIAR, TYPICAL, VOTES
from methods import Prediction
from methods.threads import one_torch_thread

SAMPLE_SIZES = (10, 20, 50, 100, 200, 500, 1000)
"""The numbers of passes T; samples of one size are disjoint parts of the largest."""

DECIMALS = 6
HIGH_DISAGREEMENT_NETWORK = 0
"""The number of the network that predicts the images of the highest disagreement."""

Row = dict[str, Any]

Measure = tuple[str, int | None]
"""A measure of an image, by name; and the class, of its share of votes."""


class Enumeration(NamedTuple):
    """One network and the images that all its sub-networks predict.

    Attributes:
        images: the name of the images together.
        indices: their numbers among the test images, or among the clean ones.
    """

    network: int
    images: str
    indices: tuple[int, ...]


def write_exact(predictor: RecipePredictor) -> None:
    """Write the three tables of a recipe's networks."""
    predictor.predict([(predictor.ensemble, CLEAN)])
    enumerations = _enumerations(predictor)
    predictor.predict(_request(predictor, one) for one in enumerations)
    compared = predictor.in_parallel(partial(_compare, predictor), enumerations, "samples")
    exact = _frame(row for rows, _ in compared for row in rows)
    errors = _frame(row for _, rows in compared for row in rows)
    key = ["images", "network", "image"]
    exact = exact.sort_values(key, kind="stable")
    for name, table in (
        ("exact", exact),
        ("monte_carlo_error", _over_samples(errors)),
        ("spread", _spread(exact)),
    ):
        with_recipe = table.assign(recipe=predictor.recipe)
        columns = ["recipe", *table.columns]
        path = own_file(predictor.workspace.out, CLAIMS_FOLDER, f"{name}.csv")
        write_table(with_recipe[columns].round(DECIMALS), path)


def _frame(rows: Iterable[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"class": "Int64"})


def _enumerations(predictor: RecipePredictor) -> list[Enumeration]:
    """The images of the highest disagreement first: they take longest."""
    return [
        Enumeration(
            HIGH_DISAGREEMENT_NETWORK,
            high_disagreement_name(predictor.ensemble),
            tuple(highest_disagreement(predictor.workspace, predictor.ensemble)),
        ),
        *(
            Enumeration(network, TWO_IMAGES, (TYPICAL, PECULIAR))
            for network in range(predictor.networks)
        ),
    ]


def _request(predictor: RecipePredictor, enumeration: Enumeration) -> Request:
    return predictor.exact(enumeration.network), enumeration.images


@one_torch_thread()
def _compare(predictor: RecipePredictor, enumeration: Enumeration) -> tuple[list[Row], list[Row]]:
    """Every measure, exactly and by 100 passes; and the errors of samples of each size."""
    exact = measures(predictor.get(*_request(predictor, enumeration)))
    logits = _logits(predictor, enumeration)
    sampled = measures(Prediction.of_logits(logits[:PASSES]))
    rows = [
        {
            "images": _kind(enumeration.images),
            "network": enumeration.network,
            "image": index,
            "measure": name,
            "class": class_number,
            "exact": float(exact[name, class_number][position]),
            "sampled": float(sampled[name, class_number][position]),
        }
        for position, index in enumerate(enumeration.indices)
        for name, class_number in exact
    ]
    return rows, list(_errors(logits, exact, _kind(enumeration.images)))


def measures(prediction: Prediction) -> dict[Measure, Float[Tensor, " images"]]:
    """The share of votes for each class, and every measure of uncertainty."""
    return {
        **{(VOTES, c): share for c, share in enumerate(prediction.vote_share.T)},
        **{
            (metric.name, None): metric.function(prediction)
            for metric in METRICS.values()
            if metric.family is PredictionMeans
        },
    }


def _logits(
    predictor: RecipePredictor, enumeration: Enumeration
) -> Float[Tensor, "passes images 10"]:
    """The logits of as many passes as the largest sample has; MC-dropout's are the first ones."""
    pool, training = predictor.pool()
    (network,) = pool.networks([enumeration.network], training)
    passes = network.passes(pool.seed, enumeration.network, max(SAMPLE_SIZES))
    images = predictor.images(enumeration.images).images
    return pool.engine.pass_logits(network, images, passes)


def _errors(logits: Tensor, exact: dict[Measure, Tensor], images: str) -> Iterator[Row]:
    """Sum of the errors and of their squares, over images and samples of each size."""
    for passes in SAMPLE_SIZES:
        samples = [measures(Prediction.of_logits(part)) for part in torch.split(logits, passes)]
        for (name, class_number), truth in exact.items():
            error = torch.stack([sample[name, class_number] for sample in samples]) - truth
            yield {
                "images": images,
                "passes": passes,
                "measure": name,
                "class": class_number,
                "count": error.numel(),
                "error": float(error.sum()),
                "square": float(error.square().sum()),
            }


def _over_samples(errors: pd.DataFrame) -> pd.DataFrame:
    """Mean and root mean square error over networks, images and samples of a size.

    The mean error is the bias, plus an error that samples of all sizes share: their passes are the
    same.
    """
    errors = errors.sort_values([*errors.columns], kind="stable")  # the same order, the same bits
    key = ["images", "measure", "class", "passes"]
    sums = errors.groupby(key, as_index=False, dropna=False).sum()
    return pd.DataFrame(
        {
            **sums[key],
            "mean_error": sums["error"] / sums["count"],
            "rms_error": np.sqrt(sums["square"] / sums["count"]),
            "samples": sums["count"],
        }
    )


def _spread(exact: pd.DataFrame) -> pd.DataFrame:
    """The parts of the variance of each class's share of votes on the two images.

    With s the exact share of a network, Var(votes / T) = Var(s) + E(s(1 − s)) / T: the draw of the
    network, and that of its T passes (the law of total variance).
    """
    votes = where(exact, images=TWO_IMAGES, measure=VOTES)
    rows = []
    for (image, class_number), of_class in votes.groupby(["image", "class"]):
        share = of_class["exact"].to_numpy()
        between = float(share.var(ddof=1)) if len(share) > 1 else float("nan")
        within = float((share * (1 - share)).mean()) / PASSES
        rows.append(
            {
                "image": image,
                "class": class_number,
                "networks": len(share),
                "mean_share": share.mean(),
                "std_by_network": np.sqrt(between),
                "std_by_passes": np.sqrt(within),
                "variance_by_network": between / (between + within) if between + within else 0.0,
                "sampled_std": of_class["sampled"].std(),
            }
        )
    return pd.DataFrame(rows)


def _kind(images: str) -> str:
    return images if images == TWO_IMAGES else "high-disagreement"
