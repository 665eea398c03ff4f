"""Count plots without sampling: how much of one is Monte-Carlo noise, how much the network's draw.

Written are, in the folder ``claims`` of a run,

``exact.csv``: of each network and image every measure by all 2²² sub-networks, and by 100 passes;
``monte_carlo_error.csv``: by number of passes T the error of each measure, mean and root mean
square;
``spread.csv``: the variance of a class's votes, by networks and by passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.claims.answers import PASSES, Answers, Question, pool_of
from benchmarks.claims.pictures import (
    PECULIAR,
    TWO_IMAGES,
    TYPICAL,
    disputed_name,
    images_of,
    most_disputed,
)
from benchmarks.measure import UNCERTAINTIES
from benchmarks.records import CLAIMS, write_table
from benchmarks.side_by_side import side_by_side
from methods import Prediction
from methods.masks import pass_masks
from methods.threads import one_torch_thread

SAMPLE_SIZES = (10, 20, 50, 100, 200, 500, 1000)
"""The numbers of passes T; samples of one size are disjoint parts of the largest."""

DECIMALS = 6
DISPUTED_BY = 0
"""The number of the network that is asked about the disputed images."""

Row = dict[str, Any]


class Asked(NamedTuple):
    """One network and the images that it is asked about exactly.

    Attributes:
        images: what the images are called together.
        indices: their numbers among the test images, or among the clean ones.
    """

    network: int
    images: str
    indices: tuple[int, ...]


def write_exact(answers: Answers) -> None:
    """Write the three tables of a recipe's networks."""
    answers.ask([(answers.ensemble, "clean")])
    asked = _asked(answers)
    answers.ask(_question(answers, one) for one in asked)
    units = [(answers, one) for one in asked]
    done = side_by_side(
        answers.run, _compare, units, "claims", "samples", threads=answers.run.in_threads
    )
    exact = pd.DataFrame(row for rows, _ in done for row in rows)
    errors = pd.DataFrame(row for _, rows in done for row in rows)
    key = ["images", "network", "image"]
    exact = exact.sort_values(key, kind="stable")
    folder = answers.run.machine.out / CLAIMS
    for name, table in (
        ("exact", exact),
        ("monte_carlo_error", _over_samples(errors)),
        ("spread", _spread(exact)),
    ):
        with_recipe = table.assign(recipe=answers.recipe)
        columns = ["recipe", *table.columns]
        write_table(with_recipe[columns].round(DECIMALS), folder / f"{name}.csv")


def _asked(answers: Answers) -> list[Asked]:
    """The disputed images first: they take longest."""
    return [
        Asked(
            DISPUTED_BY,
            disputed_name(answers.ensemble),
            tuple(most_disputed(answers.run, answers.ensemble)),
        ),
        *(Asked(network, TWO_IMAGES, (TYPICAL, PECULIAR)) for network in range(answers.networks)),
    ]


def _question(answers: Answers, asked: Asked) -> Question:
    return answers.exact(asked.network), asked.images


@one_torch_thread()
def _compare(_: object, unit: tuple[Answers, Asked]) -> tuple[list[Row], list[Row]]:
    """Every measure, exactly and by 100 passes; and the errors of samples of each size."""
    answers, asked = unit
    exact = measures(answers.says(*_question(answers, asked)))
    logits = _logits(answers, asked)
    sampled = measures(Prediction.of_logits(logits[:PASSES]))
    rows = [
        {
            "images": _kind(asked.images),
            "network": asked.network,
            "image": index,
            "measure": name,
            "exact": float(exact[name][place]),
            "sampled": float(sampled[name][place]),
        }
        for place, index in enumerate(asked.indices)
        for name in exact
    ]
    return rows, list(_errors(logits, exact, _kind(asked.images)))


def measures(prediction: Prediction) -> dict[str, Float[Tensor, " images"]]:
    """The share of votes for each class, and every measure of uncertainty."""
    shares = {f"votes for {c}": share for c, share in enumerate(prediction.vote_share.T)}
    return shares | {name: of_each(prediction) for name, of_each in UNCERTAINTIES.items()}


def _logits(answers: Answers, asked: Asked) -> Float[Tensor, "passes images 10"]:
    """Of as many passes as the largest sample needs; MC-dropout's own are the first of them."""
    pool, training = pool_of(answers.run, answers.recipe)
    (network,) = pool.networks([asked.network], training)
    masks = pass_masks(pool.seed, asked.network, max(SAMPLE_SIZES), network.dropout)
    images = images_of(answers.run, asked.images).images
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
    return images if images == TWO_IMAGES else "disputed"
