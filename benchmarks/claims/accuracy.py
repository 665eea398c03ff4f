"""Claims about the article's training plots."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from benchmarks.claims.claim import FEWEST_COUNTED, Claim, Judgement, NotTestableError, by_networks
from benchmarks.claims.numbers import rank_correlation, rows, values
from benchmarks.claims.predictor import Predictor
from benchmarks.report.editorial import RANK_CORRELATION
from benchmarks.schema import read_table, where
from benchmarks.vocabulary import TRAINING_CSV
from methods.networks.training import ALL_TRAINING, TRAINING, VALIDATION

LEAST_CORRELATION = 0.9
FIRST, LAST, ALONG = "first epoch", "last epoch", "with the epoch"

ON, OFF = "accuracy_dropout_on", "accuracy"
DROPOUT = {OFF: "dropout off", ON: "dropout on"}
"""The columns of the training log, and what sentences call them."""

ACCURACIES = {
    TRAINING: "accuracy on part of the training images",
    ALL_TRAINING: "accuracy on all training images",
    VALIDATION: "validation accuracy",
}
"""What sentences call the final accuracies on the splits of the training log."""


def measure_rise(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """First and last accuracy of each network, and its rank correlation with the epoch."""
    for split in (TRAINING, VALIDATION):
        curves = _by_network(predictor, OFF)[split]
        if len(curves.columns) < 2:
            raise NotTestableError("The networks were trained for one epoch only.")
        yield rows(OFF, curves.iloc[:, 0], condition=split, case=FIRST)
        yield rows(OFF, curves.iloc[:, -1], condition=split, case=LAST)
        correlations = [rank_correlation(curves.columns, curve) for curve in curves.to_numpy()]
        yield rows(RANK_CORRELATION, correlations, condition=split, case=ALONG)


def judge_rise(table: pd.DataFrame) -> Judgement:
    """Last above first and rank correlation at least 0.9, on both splits, for each network."""
    rises = {}
    for split in (TRAINING, VALIDATION):
        first, last = (values(table, OFF, condition=split, case=epoch) for epoch in (FIRST, LAST))
        correlation = values(table, RANK_CORRELATION, condition=split, case=ALONG)
        rises[f"{split.capitalize()} accuracy rises"] = (last > first) & (
            correlation >= LEAST_CORRELATION
        )
    return by_networks(rises)


def measure_final(predictor: Predictor, split: str, metric: str) -> Iterator[pd.DataFrame]:
    """The accuracy of each network after its last epoch.

    Of the training images: on all of them where the recipe's log has these.
    """
    log = _by_network(predictor, metric)
    split = ALL_TRAINING if split == TRAINING and ALL_TRAINING in log else split
    yield rows(metric, log[split].iloc[:, -1], condition=split, case=LAST)


def judge_final(table: pd.DataFrame, low: float, high: float) -> Judgement:
    """The accuracy of each network in the article's range."""
    split, metric = table.iloc[0][["condition", "metric"]]
    named = f"The {ACCURACIES[split]} ({DROPOUT[metric]}) is {_between(low, high)}"
    return by_networks({named: table["value"].between(low, high).to_numpy()})


def _between(low: float, high: float) -> str:
    return f"between {100 * low:.1f} and {100 * high:.1f} %"


def _by_network(predictor: Predictor, column: str) -> dict[str, pd.DataFrame]:
    """By split of the run's training log, a row for each network and a column for each epoch."""
    if not (predictor.workspace.out / TRAINING_CSV).exists():
        raise NotTestableError("There is no training.csv; run without --only first.")
    log = where(
        read_table(predictor.workspace.out, TRAINING_CSV), training=predictor.plan.recipe.name
    )
    log = log[log["network"] < predictor.networks]
    return {
        str(split): own.pivot(index="network", columns="epoch", values=column)
        for split, own in log.groupby("split")
    }


RISE = Claim(
    id="accuracy-rises",
    statement="Training and validation accuracy rise over the epochs.",
    place="plots of accuracy over epochs of training",
    weight="check",
    rule="For each network, on training and validation images: the accuracy after the last epoch "
    "is above that after the first, and Spearman's correlation of the accuracy with the epoch is "
    "at least 0.9.",
    measure=measure_rise,
    judge=judge_rise,
    against="Accuracy can rise overall and still fall from one epoch to the next.",
    least_networks=FEWEST_COUNTED,
)


def _final(id: str, statement: str, split: str, metric: str, against: str) -> Claim:
    low, high = (0.968, 0.978) if split == VALIDATION else (0.970, 0.980)
    return Claim(
        id=id,
        statement=statement,
        place="text below the plots of training",
        weight="check",
        rule=f"For each network, with {DROPOUT[metric]}: the accuracy after the last epoch is "
        f"{_between(low, high)}.",
        measure=partial(measure_final, split=split, metric=metric),
        judge=partial(judge_final, low=low, high=high),
        against=against,
        least_networks=FEWEST_COUNTED,
    )


FINAL_DROPOUT_ON = _final(
    "final-training-accuracy-dropout-on",
    "After epoch 10 the training accuracy is just under 98 %, as the article's listing computes it "
    "(dropout on).",
    TRAINING,
    ON,
    "The listing computes training accuracy before it switches dropout off. The text does not say "
    "so. The next claim tests the other reading.",
)

FINAL_DROPOUT_OFF = _final(
    "final-training-accuracy-dropout-off",
    "After epoch 10 the training accuracy is just under 98 %, as one would read the text (dropout "
    "off).",
    TRAINING,
    OFF,
    "The article's listing does not compute this number.",
)

FINAL_VALIDATION_ACCURACY = _final(
    "final-validation-accuracy",
    "After epoch 10 the validation accuracy is about 97.3 %.",
    VALIDATION,
    OFF,
    "The article's validation images are MNIST's test images.",
)
