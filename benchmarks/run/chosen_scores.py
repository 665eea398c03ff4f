"""The uncertainty scores of a run."""

from __future__ import annotations

from benchmarks.run.configuration import Configuration
from methods.scores import SCORES, Score, of_probabilities


def scores_of(configuration: Configuration) -> dict[str, Score]:
    """All scores, or without those that are fitted on training images."""
    every = configuration.scores == "all"
    return {name: score for name, score in SCORES.items() if every or score.fit is None}


def stored_scores(configuration: Configuration) -> dict[str, Score]:
    """Those that stand in prediction files, since probabilities are not enough."""
    chosen = scores_of(configuration).items()
    return {name: score for name, score in chosen if name not in of_probabilities()}
