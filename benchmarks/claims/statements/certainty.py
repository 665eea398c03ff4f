"""The claim that an overwhelming majority of votes means certainty."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float64

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Part,
    Verdict,
    require_intervals,
    rows,
    values,
)
from benchmarks.claims.intervals import over_networks
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.report.texts import listed
from benchmarks.vocabulary import CLEAN

OVERWHELMING = 0.9
LEAST_ACCURACY = 0.99

LOWER_EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, OVERWHELMING)
"""Of the bins of the vote share, [lower, upper); the last one reaches to 1."""

LAST = "rotated-045"
CONDITIONS = {CLEAN: "clean", "rotated-015": "15°", "rotated-030": "30°", LAST: "45°"}


def measure_certainty(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """Images and correct majority votes by the majority's share of the votes, for each network.

    Of equally many votes the lowest class wins. Rotated images are predicted by those networks by
    which the run repeats its methods.
    """
    few = min(predictor.plan.configuration.replicates, predictor.networks)
    units = {
        condition: [
            predictor.mc_dropout(network)
            for network in range(predictor.networks if condition == CLEAN else few)
        ]
        for condition in CONDITIONS
    }
    predictor.predict((unit, condition) for condition in units for unit in units[condition])
    for condition, of_condition in units.items():
        shares, correct = [], []
        for unit in of_condition:
            share, vote = predictor.get(unit, condition).vote_share.max(dim=1)
            # Shares are whole votes of a hundred: without rounding 0.9 could fall below an edge.
            shares.append(np.digitize(share.numpy().round(9), LOWER_EDGES[1:]))
            correct.append((vote == predictor.labels).numpy())
        for position, edge in enumerate(LOWER_EDGES):
            inside = np.array(shares) == position
            for metric, counted in (("images", inside), ("correct", inside & np.array(correct))):
                counts = counted.sum(axis=1).astype(float)
                yield rows(metric, counts, condition=condition, case=str(edge))


def judge_certainty(table: pd.DataFrame) -> Judgement:
    """On each condition: accuracy above 99 % where 90 % agree, and higher than where fewer do."""
    holds, right, parts = {}, {}, []
    for condition, name in CONDITIONS.items():
        images, correct = (_by_bin(table, metric, condition) for metric in ("images", "correct"))
        # Networks with no image of either kind are left out.
        both = (images[-1] > 0) & (images[:-1].sum(axis=0) > 0)
        if not both.any():
            raise NotTestableError(f"At least 90 % of votes agree on no image ({name}).")
        accuracies = correct[-1, both] / images[-1, both]
        elsewhere = correct[:-1, both].sum(axis=0) / images[:-1, both].sum(axis=0)
        certain, gain = over_networks(accuracies), over_networks(accuracies - elsewhere)
        require_intervals([certain, gain])
        above = certain.above(LEAST_ACCURACY), gain.above()
        holds[condition], right[condition] = all(above), f"{100 * certain.value:.1f} %"
        share = f"{100 * images[-1].sum() / images.sum():.0f} %"
        parts += [
            Part(f"{name}: share of images on which 90 % of votes agree", share),
            Part(f"{name}: accuracy on them (condition 1)", certain.percent(2), above[0]),
            Part(f"{name}: minus accuracy elsewhere (condition 2)", gain.text("+.3f"), above[1]),
        ]
    scope = _scope([condition for condition in CONDITIONS if holds[condition]])
    return Judgement(
        Verdict.of(whole=all(holds.values()), part=holds[CLEAN]),
        f"{scope} At 45°, agreeing votes are right for {right[LAST]} of images.",
        tuple(parts),
    )


def _by_bin(
    table: pd.DataFrame, metric: str, condition: str
) -> Float64[np.ndarray, "bins networks"]:
    return np.array(
        [values(table, metric, condition=condition, case=str(edge)) for edge in LOWER_EDGES]
    )


def _scope(conditions: list[str]) -> str:
    """Where both conditions of the rule hold.

    >>> _scope(["clean"]), _scope(["rotated-015", "rotated-030"])
    ('Both conditions hold on clean images only.', 'Both conditions hold at 15° and 30° only.')
    """
    if not conditions:
        return "Both conditions hold neither on clean nor on rotated images."
    rotated = listed([CONDITIONS[one] for one in conditions if one != CLEAN])
    places = ["on clean images"] * (CLEAN in conditions) + ([f"at {rotated}"] if rotated else [])
    only = "" if len(conditions) == len(CONDITIONS) else " only"
    return f"Both conditions hold {listed(places)}{only}."


CERTAINTY = Claim(
    id="certain-when-agreeing",
    statement="An overwhelming majority of votes means that the models are certain.",
    place="discussion of image 61's count plot",
    weight="central",
    rule="Take the images on which at least 90 % of the 100 votes agree. Condition 1: their "
    "accuracy is above 99 %. Condition 2: it is above the accuracy on the other images. Each must "
    "hold by a 95 % interval over networks. Reproduced: both hold on clean images and on images "
    "rotated by 15°, 30° and 45°. Partly reproduced: both hold on clean images.",
    measure=measure_certainty,
    judge=judge_certainty,
    figure="claims-certainty",
    against="Votes that agree can agree on a wrong class. The article does not mention rotated "
    "images. There, we test the claim beyond its example.",
    least_networks=2,
)
