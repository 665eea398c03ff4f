"""Count plots without sampling: how much of them is Monte-Carlo noise, how much the network's draw.

Two tables in the folder ``claims`` of a run, of the article's two images:

``exact.csv``: every measure by all 2²² sub-networks and by 100 passes, for each network and image;
``spread.csv``: the variance of a class's votes, by networks and by passes.

A measure is a measure of uncertainty, or the share of the votes for a ``class``.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from benchmarks.claims.predictor import PASSES, TWO_IMAGES, RecipePredictor
from benchmarks.metrics import METRICS
from benchmarks.metrics.uncertainties import PredictionMeans
from benchmarks.schema import where, write_table
from benchmarks.vocabulary import CLAIMS_FOLDER, PECULIAR, TYPICAL, VOTES
from methods import Prediction

DECIMALS = 6

Measure = tuple[str, int | None]
"""A measure of an image, by name; and the class, of its share of votes."""


def write_exact(predictor: RecipePredictor) -> None:
    """Write both tables of a recipe's networks."""
    units = [(predictor.exact(n), predictor.mc_dropout(n)) for n in range(predictor.networks)]
    predictor.predict(chain(*units), [TWO_IMAGES])
    rows = []
    for network, pair in enumerate(units):
        exact, sampled = (measures(predictor.get(unit, TWO_IMAGES)) for unit in pair)
        rows += [
            {
                **{"recipe": predictor.recipe, "images": TWO_IMAGES, "network": network},
                **{"image": image, "measure": name, "class": class_number},
                "exact": float(exact[name, class_number][position]),
                "sampled": float(sampled[name, class_number][position]),
            }
            for position, image in enumerate((TYPICAL, PECULIAR))
            for name, class_number in exact
        ]
    table = pd.DataFrame(rows).astype({"class": "Int64"})
    folder = predictor.workspace.out / CLAIMS_FOLDER
    write_table(table.round(DECIMALS), folder, "exact.csv")
    write_table(spread(table).round(DECIMALS), folder, "spread.csv")


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


def spread(exact: pd.DataFrame) -> pd.DataFrame:
    """The parts of the variance of each class's share of votes on the two images.

    With s the exact share of a network, Var(votes / T) = Var(s) + E(s(1 − s)) / T: the draw of the
    network, and that of its T passes (the law of total variance).
    """
    rows = []
    votes = where(exact, measure=VOTES).groupby(["recipe", "image", "class"])
    for (recipe, image, class_number), of_class in votes:
        share = of_class["exact"].to_numpy()
        between = float(share.var(ddof=1)) if len(share) > 1 else float("nan")
        within = float((share * (1 - share)).mean()) / PASSES
        rows.append(
            {
                **{"recipe": recipe, "image": image, "class": class_number},
                **{"networks": len(share), "mean_share": share.mean()},
                "std_by_network": np.sqrt(between),
                "std_by_passes": np.sqrt(within),
                "variance_by_network": between / (between + within) if between + within else 0.0,
                "sampled_std": of_class["sampled"].std(),
            }
        )
    return pd.DataFrame(rows)
