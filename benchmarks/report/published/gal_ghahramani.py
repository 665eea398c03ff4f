"""The rotated digit of Gal & Ghahramani 2016, figure 4."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from benchmarks.report.published.finding import ANOTHER, SAME, Ours, PublishedFinding
from benchmarks.report.results import Results
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN

DIGIT, METHOD = 1, "mc_dropout"

FARTHEST = 90
"""Degrees: rotated further, a 1 becomes a 1 again."""


def rotated_digit(results: Results) -> Ours | None:
    """The class with most votes, angle by angle, and how far passes disagree."""
    votes = results.curve("example_image")
    dropout = [one.name for one in results.names.recipes if one.dropout]
    votes = votes[(votes["method"] == METHOD) & votes["recipe"].isin(dropout)]
    angles = {CLEAN: 0.0} | {
        one.name: one.severity for one in results.severities.get("rotated", [])
    }
    angles = {name: angle for name, angle in angles.items() if angle <= FARTHEST}
    if votes.empty or len(angles) < 3 or not set(angles) <= set(votes["condition"]):
        return None
    recipe = next(one for one in results.recipes if one in set(votes["recipe"]))
    votes = where(votes, recipe=recipe, replicate=min(votes["replicate"]))
    votes = votes[votes["members"] == max(votes["members"], key=int)]
    shares = [_shares(votes, name) for name in sorted(angles, key=lambda name: angles[name])]
    classes = [int(np.argmax(one)) for one in shares]
    disagreement = [1 - float(np.square(one).sum()) for one in shares]
    passes, farthest = votes["members"].iloc[0], max(angles.values())
    return Ours(
        SAME if _as_theirs(classes, disagreement) else ANOTHER,
        f"from 0° to {farthest:g}°, most votes of {passes} passes (network 0 of the recipe "
        f"{recipe}) are for {', '.join(map(str, classes))}; the chance that two passes differ is "
        f"{', '.join(f'{one:.2f}' for one in disagreement)}",
    )


def _as_theirs(classes: list[int], disagreement: list[float]) -> bool:
    leaves = [one == DIGIT and other != DIGIT for one, other in pairwise(classes)]
    returns = [one != DIGIT and other == DIGIT for one, other in pairwise(classes)]
    between = max(disagreement[1:-1])
    spreads = between > max(disagreement[0], disagreement[-1])
    return classes[0] == DIGIT and any(leaves) and not any(returns) and spreads


def _shares(votes: pd.DataFrame, condition: str) -> np.ndarray:
    return where(votes, condition=condition).sort_values("class")["vote_share"].to_numpy(float)


GAL_GHAHRAMANI = PublishedFinding(
    paper="Gal & Ghahramani 2016",
    place="figure 4",
    says="A 1 is rotated in twelve steps. The first orientations are classified as 1, later ones "
    "as other digits. In between, 100 passes of dropout spread more.",
    rule="The votes of MC-dropout with one network for one test image, a 1, from 0° to 90°: most "
    "are for 1 at first, for another digit from some angle on, and passes disagree more at an "
    "angle in between than at either end.",
    task="mnist",
    judge=rotated_digit,
)
