"""What follows from the experiments: changes with their verdicts, correlations, shares of variance.

All intervals are Student's t over replicates, of which each has its own networks, masks and choice
of training images where these are not all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t

from benchmarks.epistemic.experiments import (
    DATA_SIZE,
    EXPERIMENTS,
    LABEL_NOISE,
    NOISES,
    PAIRS,
    SAME_WITHIN,
    WHOLE,
    Change,
    Experiment,
    Level,
)
from benchmarks.epistemic.measures import MEASURES
from benchmarks.schema import EpistemicRow, table_of, where
from benchmarks.vocabulary import CLEAN, CONFIDENCE


class Subject(NamedTuple):
    """What values at several levels are of."""

    method: str
    members: str
    condition: str = CLEAN
    measure: str = ""


ALEATORIC, EPISTEMIC = "log-aleatoric", "log-epistemic"

DRAWS_SPREAD = {"bootstrap": WHOLE.name, "tenths": "share-0.1"}
"""By kind of draws, the level whose networks are trained on as many images."""


def analysed(
    rows: pd.DataFrame, levels: Sequence[Level], classes: int, network: str = ""
) -> pd.DataFrame:
    """``epistemic.csv``, from ``experiments.csv``.

    Args:
        network: the method that is one network and nothing else.
    """
    by_name = {level.name: level for level in levels}
    changes = list(_changes(rows, by_name))
    every = [
        *_claims(changes),
        *_means(rows, by_name, classes),
        *changes,
        *_correlations(rows, by_name),
        *_variances(rows),
        *_at_whole(rows, network),
    ]
    return table_of(EpistemicRow, every)


def levels_of(experiment: Experiment, levels: dict[str, Level]) -> dict[str, float]:
    """The levels of an experiment by name, in their order, with what is varied."""
    if experiment == LABEL_NOISE:
        return {level.name: level.noise.share for level in (WHOLE, *NOISES)}
    sizes = sorted((level.share, name) for name, level in levels.items() if not level.noise.share)
    return {name: share for share, name in sizes}


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of replicates, and the ends of its 95 % interval; NaN where one is missing.

    >>> [round(x, 2) for x in interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    mean, count = float(np.mean(values)), len(values)
    if count < 2 or not math.isfinite(mean):
        return mean, math.nan, math.nan
    width = float(t.ppf((1 + CONFIDENCE) / 2, count - 1) * np.std(values, ddof=1) / count**0.5)
    return mean, mean - width, mean + width


def change_of(lower: float, upper: float) -> Change | str:
    """What the interval of a ratio shows.

    >>> change_of(0.9, 1.1), change_of(0.2, 0.4), change_of(0.5, 1.5)
    ('stays', 'falls', 'not shown')
    """
    if SAME_WITHIN[0] <= lower and upper <= SAME_WITHIN[1]:
        return "stays"
    return "falls" if upper < 1 else "rises" if lower > 1 else "not shown"


def _subjects(rows: pd.DataFrame) -> Iterator[tuple[Subject, pd.DataFrame]]:
    groups: Any = rows.groupby([*Subject._fields], sort=False)
    return ((Subject(*key), own) for key, own in groups)


def _by_replicate(rows: pd.DataFrame, levels: Sequence[str]) -> pd.DataFrame:
    """The values [replicates, levels]."""
    table = rows.pivot_table(index="replicate", columns="level", values="value", dropna=False)
    return table.reindex(columns=list(levels))


def _ratio(values: np.ndarray, others: np.ndarray) -> tuple[float, float, float]:
    """The geometric mean over replicates of a ratio, and its interval."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, lower, upper = interval((np.log(values) - np.log(others)).tolist())
    return math.exp(mean), math.exp(lower), math.exp(upper)


def _means(rows: pd.DataFrame, levels: dict[str, Level], classes: int) -> Iterator[EpistemicRow]:
    """The mean of each measure at each level.

    Of label noise also the true conditional entropy, and the expected entropy as a share of it.
    """
    means = where(rows, statistic="mean")
    noises = {**levels_of(LABEL_NOISE, levels), PAIRS.name: PAIRS.noise.share}
    shown = {DATA_SIZE: levels_of(DATA_SIZE, levels), LABEL_NOISE: noises}
    for experiment, (subject, own) in product(EXPERIMENTS, _subjects(means)):
        for name, x in shown[experiment].items():
            if values := where(own, level=name)["value"].tolist():
                row = EpistemicRow(experiment.name, *subject, "mean", name, x)
                yield row.measured(interval(values))
    for name, x in noises.items():
        truth = levels[name].noise.conditional_entropy(classes)
        about = Subject("", "", measure=ALEATORIC)
        yield EpistemicRow(LABEL_NOISE.name, *about, "truth", name, x, truth)
        if not truth:
            continue
        noisy = where(means, level=name, measure=ALEATORIC, condition=CLEAN)
        for subject, own in _subjects(noisy):
            row = EpistemicRow(LABEL_NOISE.name, *subject, "over-truth", name, x)
            yield row.measured(interval((own["value"] / truth).tolist()))


def _changes(rows: pd.DataFrame, levels: dict[str, Level]) -> Iterator[EpistemicRow]:
    """Of the mean: its ratio from the first level to the last, and its slope in log n.

    The ratio is the geometric mean of the replicates'. The slope is by a tenfold number of images.
    Of foreign images also the ratio to clean ones, with all training images.
    """
    means = where(rows, statistic="mean")
    whole, foreign = where(means, level=WHOLE.name), where(rows, statistic="auroc")["condition"]
    for subject, own in _subjects(whole[whole["condition"].isin(foreign)]):
        clean = where(whole, **subject._replace(condition=CLEAN)._asdict())
        if own["value"].gt(0).all() and len(own) == len(clean):
            ratio = _ratio(own["value"].to_numpy(), clean["value"].to_numpy())
            row = EpistemicRow("foreign", *subject, "ratio", verdict=change_of(*ratio[1:]))
            yield row.measured(ratio)
    for experiment, (subject, own) in product(EXPERIMENTS, _subjects(means)):
        at = levels_of(experiment, levels)
        values = _by_replicate(own, list(at)).to_numpy()
        if not np.isfinite(values).all():
            continue
        ratio = _ratio(values[:, -1], values[:, 0])
        part = MEASURES[subject.measure].part
        yield EpistemicRow(
            experiment.name,
            *subject,
            statistic="ratio",
            verdict=change_of(*ratio[1:]),
            expected=experiment.expected.get(part, ""),
        ).measured(ratio)
        if experiment == DATA_SIZE:
            slopes = np.polyfit(np.log10(list(at.values())), values.T, 1)[0]
            row = EpistemicRow(experiment.name, *subject, statistic="slope")
            yield row.measured(interval(slopes.tolist()))


AS_IN_ARTICLE = ("mc_dropout_article", "deep_ensemble")

MISSING_DATA = "Epistemic uncertainty comes from too few similar images among the training images"
FOREIGN = "Images from outside the training classes raise aleatoric uncertainty"


def _claims(changes: Sequence[EpistemicRow]) -> Iterator[EpistemicRow]:
    """The article's claims about the two parts, by its two methods, well trained.

    Missing data: mutual information and disagreement on clean images must fall with more data.
    Foreign images: expected entropy must rise from clean ones to these. Reproduced: of both methods
    by all; partly: by at least half of these.
    """
    ratios = [row for row in changes if row.statistic == "ratio" and row.lower == row.lower]
    wanted = {
        MISSING_DATA: (DATA_SIZE.name, (EPISTEMIC, "disagreement"), "falls"),
        FOREIGN: ("foreign", (ALEATORIC,), "rises"),
    }
    for claim, (experiment, measures, change) in wanted.items():
        own = [
            row.verdict == change
            for row in ratios
            if row.experiment == experiment
            and row.method in AS_IN_ARTICLE
            and row.measure in measures
            and (row.condition == CLEAN) == (experiment == DATA_SIZE.name)
        ]
        if len(own) == len(AS_IN_ARTICLE) * len(measures):
            share = sum(own) / len(own)
            verdict = "reproduced" if share == 1 else "partly reproduced"
            row = EpistemicRow("claims", *Subject("", "", measure=claim), statistic="verdict")
            yield replace(row, verdict=verdict if share >= 0.5 else "not reproduced")


def _correlations(rows: pd.DataFrame, levels: dict[str, Level]) -> Iterator[EpistemicRow]:
    """The four correlations of de Jong et al. 2024 and the disentanglement error, on clean images.

    Pearson's, over the levels of an experiment, of the mean uncertainty and of −accuracy on the
    test images, whose labels have the same noise. ``aleatoric-noise`` and ``epistemic-size`` are 1
    if the parts are what they are called, ``aleatoric-size`` and ``epistemic-noise`` 0. The error
    is the mean of the four distances from these.
    """
    wanted = {"noise": LABEL_NOISE, "size": DATA_SIZE}
    clean = where(rows, condition=CLEAN)
    for subject, own in _subjects(where(clean, statistic="accuracy")):
        errors: list[np.ndarray] = []
        for part, measure in (("aleatoric", ALEATORIC), ("epistemic", EPISTEMIC)):
            means = where(clean, method=subject.method, measure=measure, statistic="mean")
            for axis, experiment in wanted.items():
                at = list(levels_of(experiment, levels))
                u, accuracy = (_by_replicate(each, at).to_numpy() for each in (means, own))
                values = np.array([_pearson(x, -y) for x, y in zip(u, accuracy, strict=True)])
                ideal = float((part, axis) in (("aleatoric", "noise"), ("epistemic", "size")))
                errors.append(np.abs(values - ideal))
                about = subject._replace(measure=measure)
                row = EpistemicRow("disentanglement", *about, f"{part}-{axis}")
                yield row.measured(interval(values.tolist()))
        row = EpistemicRow("disentanglement", *subject, "error")
        yield row.measured(interval(np.mean(errors, axis=0).tolist()))


def _pearson(first: np.ndarray, second: np.ndarray) -> float:
    """NaN where one does not vary."""
    if not (np.ptp(first) > 0 and np.ptp(second) > 0):
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def _variances(rows: pd.DataFrame) -> Iterator[EpistemicRow]:
    """The share of the variance that comes from the draw of the data, and that a method shows.

    ``draw``, ``seed`` and ``both``: shares of the sum of the three components. ``spread``: the
    variance of a method's members (Σ_c, unbiased), mean over clean images, in such sums.
    """
    for kind, level in DRAWS_SPREAD.items():
        parts = where(rows, level=kind).dropna(subset="value")
        if parts.empty:
            continue
        table = parts.pivot_table(index="replicate", columns="statistic", values="value")
        total = table.sum(axis=1)
        for name in ("draw", "seed", "both"):
            row = EpistemicRow("variance", *Subject("", ""), name, kind)
            yield row.measured(interval((table[name] / total).tolist()))
        spreads = where(rows, level=level, condition=CLEAN, measure="brier-epistemic")
        for subject, own in _subjects(where(spreads, statistic="mean")):
            if np.isfinite(own["value"]).all():
                count = int(subject.members)
                unbiased = own.set_index("replicate")["value"] * count / (count - 1)
                row = EpistemicRow("variance", *subject, "spread", kind)
                yield row.measured(interval((unbiased / total).tolist()))


OF_JOBS = ("augrc", "auroc", "people", "doubtful", "people-nll", "people-brier")


def _at_whole(rows: pd.DataFrame, network: str) -> Iterator[EpistemicRow]:
    """How well each measure ranks, and how near people a method is, by all training images.

    ``people-less-network`` is the rank correlation of the total less that of one network, paired by
    replicate.
    """
    whole = where(rows, level=WHOLE.name)
    total = where(whole, statistic="people", measure="log-total")
    alone = where(total, method=network).set_index("replicate")["value"]
    for subject, own in _subjects(total if len(alone) else total[:0]):
        less = own.set_index("replicate")["value"] - alone
        row = EpistemicRow("people", *subject, "people-less-network")
        yield row.measured(interval(less.tolist()))
    for statistic in OF_JOBS:
        experiment = "people" if statistic in OF_JOBS[2:] else "jobs"
        for subject, own in _subjects(where(whole, statistic=statistic)):
            row = EpistemicRow(experiment, *subject, statistic=statistic)
            yield row.measured(interval(own["value"].tolist()))
