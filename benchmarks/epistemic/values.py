"""The numbers of a method: means of its measures, how well they rank images, and people's view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float64
from scipy.stats import spearmanr
from torch import Tensor

from benchmarks.epistemic.measures import measures_of
from benchmarks.metrics import METRICS
from benchmarks.metrics.detection import flagging_order
from benchmarks.metrics.metric import each_once
from benchmarks.metrics.ranking import Ranking
from benchmarks.tasks.task import EvaluationSet
from benchmarks.vocabulary import CLEAN

Draws = Callable[[Tensor], Tensor]
"""From images to draws of their class probabilities, [draws, images, classes]."""

Value = tuple[str, str, str, float]
"""Condition, measure, statistic and value, see `benchmarks.schema.ExperimentRow`."""

AT_ONCE = 200_000
"""Draws times images of which measures are computed at once, for the sake of memory."""


class DrawnValues(NamedTuple):
    """What a method says of the images of a condition.

    Attributes:
        mean: of its draws.
        measures: of each image, by name.
        draws: how many there are.
    """

    evaluated: EvaluationSet
    mean: Float64[Tensor, "images classes"]
    measures: Mapping[str, Float64[np.ndarray, " images"]]
    draws: int

    @classmethod
    def of(cls, draws: Draws, evaluated: EvaluationSet) -> DrawnValues:
        """In blocks of images, since of many draws only the measures are kept."""
        count = len(draws(evaluated.images[:1]))
        means, measures = [], []
        for block in torch.split(evaluated.images, max(1, AT_ONCE // count)):
            members = draws(block).double()
            means.append(members.mean(dim=0))
            measures.append(measures_of(members))
        merged = {name: torch.cat([own[name] for own in measures]) for name in measures[0]}
        arrays = {name: values.numpy() for name, values in merged.items()}
        return cls(evaluated, torch.cat(means), arrays, count)


def means(groups: Mapping[str, list[DrawnValues]]) -> Iterator[Value]:
    """The mean of each measure over the images of each group of conditions."""
    for group, every in groups.items():
        for measure in every[0].measures:
            by_condition = [own.measures[measure].mean() for own in every]
            yield group, measure, "mean", float(np.mean(by_condition))


def scores(clean: DrawnValues, labels: Tensor) -> Iterator[Value]:
    """Accuracy and NLL on clean images."""
    right = (clean.mean.argmax(dim=1) == labels).double()
    yield CLEAN, "", "accuracy", right.mean().item()
    yield CLEAN, "", "nll", -clean.mean.gather(1, labels[:, None]).log().mean().item()


def rankings(groups: Mapping[str, list[DrawnValues]]) -> Iterator[Value]:
    """How well each measure ranks images: AUGRC of errors, and AUROC of foreign ones."""
    (clean,) = groups[CLEAN]
    for group, every in groups.items():
        labelled = every[0].evaluated.labels is not None
        for measure in _defined(clean):
            orders = (
                _errors(own, measure)
                if labelled
                else flagging_order(clean.measures[measure], own.measures[measure])
                for own in every
            )
            statistic = "augrc" if labelled else "auroc"
            by_condition = [_value(statistic, order) for order in orders]
            yield group, measure, statistic, float(np.mean(by_condition))


def against_people(
    clean: DrawnValues, people: Float64[Tensor, "images classes"]
) -> Iterator[Value]:
    """Rank correlations with the entropy of people's answers, and scores against their shares."""
    shares = people[clean.evaluated.numbers]
    labels = cast(Tensor, clean.evaluated.labels)
    entropies = torch.special.entr(shares).sum(dim=1).numpy()
    doubtful = (shares.gather(1, labels[:, None])[:, 0] < 0.5).numpy()
    for measure in _defined(clean):
        values = clean.measures[measure]
        yield CLEAN, measure, "people", float(spearmanr(values, entropies).statistic)
        order = flagging_order(values[~doubtful], values[doubtful])
        yield CLEAN, measure, "doubtful", _value("auroc", order)
    nll = -torch.special.xlogy(shares, clean.mean).sum(dim=1)
    yield CLEAN, "", "people-nll", nll.mean().item()
    yield CLEAN, "", "people-brier", (clean.mean - shares).square().sum(dim=1).mean().item()


def _defined(values: DrawnValues) -> Iterator[str]:
    return (name for name, own in values.measures.items() if not np.isnan(own).any())


def _errors(values: DrawnValues, measure: str) -> Ranking:
    wrong = values.mean.argmax(dim=1) != cast(Tensor, values.evaluated.labels)
    return Ranking.by(values.measures[measure], wrong.numpy())


def _value(metric: str, ranking: Ranking) -> float:
    """A metric of a ranking of images."""
    counts = ranking.counts(each_once(len(ranking.rows)))
    return float(METRICS[metric].function(*counts)[0])
