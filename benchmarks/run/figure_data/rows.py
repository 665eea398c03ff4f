"""Rows of the tables in ``curves/``: where they are from, and the scores that they are by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.schema import members_text
from benchmarks.tasks.conditions import Condition
from methods.scores import SCORES, scores_of

ORIGIN = ("recipe", "method", "members", "replicate", "condition")

Row = dict[str, Any]


def origin(unit: RunUnit, stored: StoredPrediction, condition: Condition) -> Row:
    """The values of `ORIGIN`."""
    values = (
        unit.recipe,
        unit.method,
        members_text(stored.prediction.members),
        unit.replicate,
        condition.name,
    )
    return dict(zip(ORIGIN, values, strict=True))


def rows(names: Sequence[str], *columns: Iterable[Any]) -> Iterator[Row]:
    """A row for each of the columns' values."""
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def shown_scores(stored: StoredPrediction) -> dict[str, Float[Tensor, " images"]]:
    """The scores that figures show, without those that are undefined for a single member."""
    scores = {
        name: score
        for name, score in scores_of(stored.prediction).items()
        if name not in SCORES or SCORES[name].in_figures
    }
    return {name: score for name, score in scores.items() if not score.isnan().any()}
