"""How far a ranking of methods travels, and what the choice of the network is worth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

from scipy import stats

from benchmarks.across.settings import Choice, Setting
from benchmarks.report.answer.evidence import Candidate, Evidence, Relation
from benchmarks.report.answer.situations import judged_by
from benchmarks.report.editorial import DETECTION, ENSEMBLE, SINGLE_NETWORK
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.texts import listed
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
    dropout = {one.name: bool(one.dropout) for one in setting.results.names.recipes}
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


@dataclass(frozen=True)
class Orders:
    """How many pairs of methods are in what order, by one measure.

    A pair is in order in a setting if a test says that one method is better there.

    Attributes:
        images: what the condition is called in the settings.
        pairs: those that were tested in every setting.
        everywhere: in the same order in every setting.
        somewhere: in one order in some settings, and in none in the others.
        reversed: in one order in a setting, and in the other order in another one.
        nowhere: in no order in any setting.
    """

    condition: str
    images: str
    metric: str
    pairs: int
    everywhere: int
    somewhere: int
    reversed: int
    nowhere: int


ORDERED = "everywhere", "somewhere", "reversed", "nowhere"
"""In what order a pair may be: the fields of `Orders` that count them."""


def in_order(found: Sequence[Orders]) -> Iterator[str]:
    """The counts of all measures in a sentence; none where no pair was tested everywhere."""
    if found:
        alike, some, opposite, _ = (sum(getattr(one, kind) for one in found) for kind in ORDERED)
        yield (
            f"Over all measures, tests order {alike:,} pairs of methods alike in every setting, "
            f"{some:,} in some settings alone, and {opposite:,} in opposite ways."
        )


def orders(settings: Sequence[Setting]) -> Iterator[Orders]:
    """Of each measure of the table of decisions by which all settings have tested pairs."""
    evidence = [Evidence(one.results) for one in settings]
    choices = [choices_of(one) for one in settings]
    shared = [choice for choice in choices[0] if all(choice in some for some in choices)]
    for quantity in judged_by(settings[0].results):
        found = Counter[str]()
        for one, other in combinations(shared, 2):
            relations = [
                each.relation(of[one], of[other], quantity)
                for each, of in zip(evidence, choices, strict=True)
            ]
            if Relation.UNTESTED not in relations:
                found[_kept(relations)] += 1
        if found:
            images = images_of(quantity.condition, settings)
            counts = (found[kind] for kind in ORDERED)
            yield Orders(
                *(quantity.condition, images, quantity.metric, found.total()),
                *counts,
            )


def _kept(relations: Sequence[Relation]) -> str:
    ordered = [one for one in relations if one in (Relation.BETTER, Relation.WORSE)]
    if not ordered:
        return "nowhere"
    if len(set(ordered)) > 1:
        return "reversed"
    return "everywhere" if len(ordered) == len(relations) else "somewhere"


def network_choices(settings: Sequence[Setting]) -> Iterator[str]:
    """A sentence a task: how well one of each network, and many, detect the task's first other set.

    Networks are trained without dropout; images are ranked by methods' primary scores. A task with
    one network alone, or where that was not measured, has none.

    Args:
        settings: with the same methods.
    """
    for task, some in groupby(settings, key=lambda one: one.task):
        of_task = list(some)
        results = of_task[0].results
        sizes = [one.members for one in results.variants if one.method == ENSEMBLE]
        images = next(iter(results.ood), "")
        if len(of_task) < 2 or not sizes or not images:
            continue
        singles, many = (
            [_auroc(one, images, method, size) for one in of_task]
            for method, size in ((SINGLE_NETWORK, "1"), (ENSEMBLE, sizes[-1]))
        )
        if "" not in (*singles, *many):
            named = [
                f"{value} ({one.network})" for value, one in zip(singles, of_task, strict=True)
            ]
            yield (
                f"{task}: one network without dropout detects {results.label_of(images)} with an "
                f"AUROC of {listed(named)}, {sizes[-1]} networks with {listed(many)}."
            )


def _auroc(setting: Setting, images: str, method: str, size: str) -> str:
    """Without dropout; empty where it was not measured."""
    candidate = choices_of(setting).get((False, method, size))
    if candidate is None:
        return ""
    row = Evidence(setting.results).value(candidate, Quantity(images, DETECTION))
    return f"{row['value']:.3f}" if row else ""
