"""How far a ranking of methods travels: rank correlations between settings, by each measure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scipy import stats

from benchmarks.across.settings import Setting
from benchmarks.across.shared_methods import Choice
from benchmarks.report.answer.evidence import Candidate, Evidence
from benchmarks.report.answer.situations import judged_by
from benchmarks.report.read.comparisons import Quantity
from benchmarks.vocabulary import CONFIDENCE

FEWEST = 5
"""Of methods that two settings have in common, for a rank correlation with an interval."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of methods between two settings, by one measure.

    Attributes:
        images: what the condition is called in the settings: both names where they differ, as those
            of means over other severities do.
        one, other: labels of the settings.
        methods: how many both have.
        value, lower, upper: with the bounds of its 95 % interval.
        kind: what the two settings do not share: ``task``, ``network`` or ``both``.
    """

    condition: str
    images: str
    metric: str
    one: str
    other: str
    kind: str
    methods: int
    value: float
    lower: float
    upper: float


def rank_correlations(settings: Sequence[Setting]) -> Iterator[RankCorrelation]:
    """Of each pair of settings, by each measure of the table of decisions that both have."""
    measured = {one.label: _values(one) for one in settings}
    for one, other in combinations(settings, 2):
        for quantity, values in measured[one.label].items():
            others = measured[other.label].get(quantity, {})
            common = [choice for choice in values if choice in others]
            if len(common) < FEWEST:
                continue
            pairs = [(values[choice], others[choice]) for choice in common]
            correlation = spearman(*zip(*pairs, strict=True))
            yield RankCorrelation(
                *(quantity.condition, images_of(quantity.condition, (one, other))),
                *(quantity.metric, one.label, other.label),
                _kind(one, other),
                len(common),
                *correlation,
            )


def spearman(one: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """Spearman's rank correlation with its 95 % interval.

    The interval is that of Bonett & Wright 2000, *Sample size requirements for estimating Pearson,
    Kendall and Spearman correlations*: tanh(artanh r ± z √((1 + r²/2) / (n − 3))). It is over
    methods, as if they were drawn from many: methods that are alike make it too narrow. It is NaN
    where all ranks agree or n is below 4; where one side is constant, the correlation is NaN, too.

    >>> [round(number, 3) for number in spearman([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 6, 5])]
    [0.943, 0.383, 0.996]
    """
    if len(set(one)) < 2 or len(set(other)) < 2:
        return math.nan, math.nan, math.nan
    value = float(stats.spearmanr(one, other).statistic)
    if len(one) < 4 or abs(value) > 1 - 1e-12:
        return value, math.nan, math.nan
    error = math.sqrt((1 + value**2 / 2) / (len(one) - 3))
    reach = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * error
    return value, math.tanh(math.atanh(value) - reach), math.tanh(math.atanh(value) + reach)


def choices_of(setting: Setting) -> dict[Choice, Candidate]:
    """Every method of the sizes of tables, by what it is called in all settings."""
    dropout = {one.name: bool(one.dropout) for one in setting.results.names.nouns.recipes}
    return {
        (dropout[recipe], *variant): Candidate(recipe, *variant)
        for recipe in setting.results.recipes
        if recipe in dropout
        for variant in setting.results.of_recipe(recipe).compared
    }


def images_of(condition: str, settings: Sequence[Setting]) -> str:
    """What a condition is called: each setting's name where they differ."""
    labels = (one.results.label_of(condition) for one in settings)
    return " / ".join(dict.fromkeys(labels))


def _values(setting: Setting) -> dict[Quantity, Mapping[Choice, float]]:
    """By each measure, the value of every choice, by methods' primary scores."""
    choices, evidence = choices_of(setting), Evidence(setting.results)
    return {
        quantity: {
            choice: float(row["value"])
            for choice, one in choices.items()
            if (row := evidence.value(one, quantity))
        }
        for quantity in judged_by(setting.results)
    }


def _kind(one: Setting, other: Setting) -> str:
    if one.task == other.task:
        return "network"
    return "task" if one.network == other.network else "both"
