"""Count plots without sampling: how much of them is Monte-Carlo noise, how much the network's draw.

Two tables in the folder ``claims`` of a run, of the article's two images:

``exact.csv``: every measure by all 2²² sub-networks and by 100 passes, for each network and image;
``spread.csv``: the variance of a class's votes, by networks and by passes.

A measure is a measure of uncertainty, or the share of the votes for a ``class``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from benchmarks.claims.predictor import PASSES, TWO_IMAGES, RecipePredictor
from benchmarks.metrics import METRICS
from benchmarks.metrics.uncertainties import PredictionMeans
from benchmarks.predictions import RunUnit
from benchmarks.schema import where, write_table
from benchmarks.vocabulary import CLAIMS_FOLDER, PECULIAR, TYPICAL, VOTES
from methods import Prediction

DECIMALS = 6

Row = dict[str, Any]

Measure = tuple[str, int | None]
"""A measure of an image, by name; and the class, of its share of votes."""


def write_exact(predictor: RecipePredictor) -> None:
    """Write both tables of a recipe's networks."""
    networks = range(predictor.networks)
    units = [(predictor.exact(n), predictor.mc_dropout(n)) for n in networks]
    predictor.predict((unit, TWO_IMAGES) for pair in units for unit in pair)
    rows = [
        row for network, pair in enumerate(units) for row in _compare(predictor, network, *pair)
    ]
    exact = pd.DataFrame(rows).astype({"class": "Int64"})
    exact = exact.sort_values(["network", "image"], kind="stable")
    for name, table in (("exact", exact), ("spread", _spread(exact))):
        with_recipe = table.assign(recipe=predictor.recipe)
        columns = ["recipe", *table.columns]
        folder = predictor.workspace.out / CLAIMS_FOLDER
        write_table(with_recipe[columns].round(DECIMALS), folder, f"{name}.csv")


def _compare(
    predictor: RecipePredictor, network: int, exact: RunUnit, sampled: RunUnit
) -> Iterator[Row]:
    """Every measure of both images, exactly and by 100 passes."""
    of_exact, of_sampled = (measures(predictor.get(one, TWO_IMAGES)) for one in (exact, sampled))
    for position, index in enumerate((TYPICAL, PECULIAR)):
        for name, class_number in of_exact:
            yield {
                "images": TWO_IMAGES,
                "network": network,
                "image": index,
                "measure": name,
                "class": class_number,
                "exact": float(of_exact[name, class_number][position]),
                "sampled": float(of_sampled[name, class_number][position]),
            }


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


def _spread(exact: pd.DataFrame) -> pd.DataFrame:
    """The parts of the variance of each class's share of votes on the two images.

    With s the exact share of a network, Var(votes / T) = Var(s) + E(s(1 − s)) / T: the draw of the
    network, and that of its T passes (the law of total variance).
    """
    votes = where(exact, measure=VOTES)
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
