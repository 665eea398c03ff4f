"""Count plots without sampling: how much of one is Monte-Carlo noise, how much the network's draw.

Written are, in the folder ``claims`` of a plan, workspace,

``exact.csv``: of each network and image every measure by all 2²² sub-networks, and by 100 passes;
``monte_carlo_error.csv``: by number of passes T the error of each measure, mean and root mean
square;
``spread.csv``: the variance of a class's votes, by networks and by passes.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    images_of,
)
from benchmarks.claims.predictions import PASSES, RecipePredictions, Request, pool_of
from benchmarks.inference.measures import UNCERTAINTIES
from benchmarks.parallel import parallel
from benchmarks.records import write_table
from benchmarks.vocabulary import CLAIMS_FOLDER, PECULIAR, TYPICAL
from methods import Prediction
from methods.networks.masks import pass_masks
from methods.threads import one_torch_thread

SAMPLE_SIZES = (10, 20, 50, 100, 200, 500, 1000)
"""The numbers of passes T; samples of one size are disjoint parts of the largest."""

DECIMALS = 6
PREDICTED_BY = 0
"""The number of the network that is asked about the disputed images."""

Row = dict[str, Any]


class Requested(NamedTuple):
    """One network and the images that it is asked about exactly.

    Attributes:
        images: what the images are called together.
        indices: their numbers among the test images, or among the clean ones.
    """

    network: int
    images: str
    indices: tuple[int, ...]


def write_exact(predictions: RecipePredictions) -> None:
    """Write the three tables of a recipe's networks."""
    predictions.predict([(predictions.ensemble, "clean")])
    requested = _requested(predictions)
    predictions.predict(_request(predictions, one) for one in requested)
    done = parallel(
        partial(_compare, predictions),
        requested,
        stage="claims",
        what="samples",
        jobs=predictions.workspace.jobs,
        threads=predictions.plan.in_threads,
    )
    exact = pd.DataFrame(row for rows, _ in done for row in rows)
    errors = pd.DataFrame(row for _, rows in done for row in rows)
    key = ["images", "network", "image"]
    exact = exact.sort_values(key, kind="stable")
    folder = predictions.workspace.out / CLAIMS_FOLDER
    for name, table in (
        ("exact", exact),
        ("monte_carlo_error", _over_samples(errors)),
        ("spread", _spread(exact)),
    ):
        with_recipe = table.assign(recipe=predictions.recipe)
        columns = ["recipe", *table.columns]
        write_table(with_recipe[columns].round(DECIMALS), folder / f"{name}.csv")


def _requested(predictions: RecipePredictions) -> list[Requested]:
    """The disputed images first: they take longest."""
    return [
        Requested(
            PREDICTED_BY,
            high_disagreement_name(predictions.ensemble),
            tuple(highest_disagreement(predictions.workspace, predictions.ensemble)),
        ),
        *(
            Requested(network, TWO_IMAGES, (TYPICAL, PECULIAR))
            for network in range(predictions.networks)
        ),
    ]


def _request(predictions: RecipePredictions, requested: Requested) -> Request:
    return predictions.exact(requested.network), requested.images


@one_torch_thread()
def _compare(predictions: RecipePredictions, requested: Requested) -> tuple[list[Row], list[Row]]:
    """Every measure, exactly and by 100 passes; and the errors of samples of each size."""
    exact = measures(predictions.prediction(*_request(predictions, requested)))
    logits = _logits(predictions, requested)
    sampled = measures(Prediction.of_logits(logits[:PASSES]))
    rows = [
        {
            "images": _kind(requested.images),
            "network": requested.network,
            "image": index,
            "measure": name,
            "exact": float(exact[name][place]),
            "sampled": float(sampled[name][place]),
        }
        for place, index in enumerate(requested.indices)
        for name in exact
    ]
    return rows, list(_errors(logits, exact, _kind(requested.images)))


def measures(prediction: Prediction) -> dict[str, Float[Tensor, " images"]]:
    """The share of votes for each class, and every measure of uncertainty."""
    shares = {f"votes for {c}": share for c, share in enumerate(prediction.vote_share.T)}
    return shares | {name: of_each(prediction) for name, of_each in UNCERTAINTIES.items()}


def _logits(
    predictions: RecipePredictions, requested: Requested
) -> Float[Tensor, "passes images 10"]:
    """Of as many passes as the largest sample needs; MC-dropout's own are the first of them."""
    pool, training = pool_of(predictions.plan, predictions.workspace, predictions.recipe)
    (network,) = pool.networks([requested.network], training)
    masks = pass_masks(pool.seed, requested.network, max(SAMPLE_SIZES), network.dropout)
    images = images_of(predictions.plan, predictions.workspace, requested.images).images
    return pool.engine.pass_logits(network, images, masks)


def _errors(logits: Tensor, exact: dict[str, Tensor], images: str) -> Iterator[Row]:
    """Sum of the errors, and of their squares, over images and samples of each size."""
    for passes in SAMPLE_SIZES:
        samples = [measures(Prediction.of_logits(part)) for part in torch.split(logits, passes)]
        for name, truth in exact.items():
            error = torch.stack([sample[name] for sample in samples]) - truth
            yield {
                "images": images,
                "passes": passes,
                "measure": name,
                "count": error.numel(),
                "error": float(error.sum()),
                "square": float(error.square().sum()),
            }


def _over_samples(errors: pd.DataFrame) -> pd.DataFrame:
    """Mean and root mean square error over networks, images and samples of a size.

    The mean error is bias and, since samples of all sizes are of the same passes, their luck.
    """
    errors = errors.sort_values([*errors.columns], kind="stable")  # sums in one order, equal bits
    sums = errors.groupby(["images", "measure", "passes"], as_index=False).sum()
    return pd.DataFrame(
        {
            "images": sums["images"],
            "measure": sums["measure"],
            "passes": sums["passes"],
            "mean_error": sums["error"] / sums["count"],
            "rms_error": np.sqrt(sums["square"] / sums["count"]),
            "samples": sums["count"],
        }
    )


def _spread(exact: pd.DataFrame) -> pd.DataFrame:
    """Of each class's share of votes on the two images the parts of its variance.

    With s the exact share of a network, Var(votes / T) = Var(s) + E(s(1 − s)) / T: the draw of the
    network, and that of its T passes (the law of total variance).
    """
    votes = exact[(exact["images"] == TWO_IMAGES) & exact["measure"].str.startswith("votes")]
    rows = []
    for (image, measure), of_class in votes.groupby(["image", "measure"]):
        share = of_class["exact"].to_numpy()
        between = float(share.var(ddof=1)) if len(share) > 1 else float("nan")
        within = float((share * (1 - share)).mean()) / PASSES
        rows.append(
            {
                "image": image,
                "class": int(str(measure).removeprefix("votes for ")),
                "networks": len(share),
                "mean_share": share.mean(),
                "deviation_by_network": np.sqrt(between),
                "deviation_by_passes": np.sqrt(within),
                "variance_by_network": between / (between + within) if between + within else 0.0,
                "sampled_deviation": of_class["sampled"].std(),
            }
        )
    return pd.DataFrame(rows)


def _kind(images: str) -> str:
    return images if images == TWO_IMAGES else "high-disagreement"
