"""Claims about the article's training plots."""

from __future__ import annotations

from functools import partial
from typing import Literal

import pandas as pd

from benchmarks.claims.claim import (
    FEWEST_COUNTED,
    Claim,
    Judgement,
    NotTestableError,
    Numbers,
    by_networks,
)
from benchmarks.claims.intervals import rank_correlation
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.schema import Quantity, read_table, where
from benchmarks.vocabulary import RANK_CORRELATION, TRAINING_CSV
from methods.networks.log import ALL_TRAINING, TRAINING, VALIDATION

SPLITS = (TRAINING, VALIDATION)
LEAST_CORRELATION = 0.9
ON, OFF = "accuracy_dropout_on", "accuracy"
DROPOUT = {OFF: "dropout off", ON: "dropout on"}
"""The columns of the training log, and what quantities call them."""

ACCURACIES = {
    TRAINING: "accuracy on part of the training images",
    ALL_TRAINING: "accuracy on all training images",
    VALIDATION: "validation accuracy",
}
"""What quantities call the final accuracies on the splits of the training log."""

FINAL_TRAINING, FINAL_VALIDATION = (0.970, 0.980), (0.968, 0.978)


def measure_rise(predictor: RecipePredictor) -> Numbers:
    """First and last accuracy of each network, and its rank correlation with the epoch."""
    log = _log(predictor)
    if log["epoch"].nunique() < 2:
        raise NotTestableError("The networks were trained for one epoch only.")
    numbers: dict[Quantity, list[float]] = {}
    for split in SPLITS:
        curves = _by_network(log, split, OFF)
        numbers[accuracy_after(split, "first")] = curves.iloc[:, 0].tolist()
        numbers[accuracy_after(split, "last")] = curves.iloc[:, -1].tolist()
        numbers[correlation_with_epoch(split)] = [
            rank_correlation(curves.columns, curve) for curve in curves.to_numpy()
        ]
    return numbers


def judge_rise(numbers: Numbers) -> Judgement:
    """Last above first and rank correlation at least 0.9, on both splits, for each network."""
    return by_networks(
        {
            f"{split.capitalize()} accuracy rises": [
                last > first and correlation >= LEAST_CORRELATION
                for first, last, correlation in zip(
                    numbers[accuracy_after(split, "first")],
                    numbers[accuracy_after(split, "last")],
                    numbers[correlation_with_epoch(split)],
                    strict=True,
                )
            ]
            for split in SPLITS
        }
    )


def measure_final(predictor: RecipePredictor, split: str, metric: str) -> Numbers:
    """The accuracy of each network after its last epoch.

    Of the training images: on all of them where the recipe's log has these.
    """
    log = _log(predictor)
    if split == TRAINING and ALL_TRAINING in set(log["split"]):
        split = ALL_TRAINING
    return {final_accuracy(split, metric): _by_network(log, split, metric).iloc[:, -1].tolist()}


def judge_final(numbers: Numbers, low: float, high: float) -> Judgement:
    """The accuracy of each network in the article's range."""
    ((quantity, accuracies),) = numbers.items()
    name = _called(quantity.split, quantity.metric)
    inside = [low <= accuracy <= high for accuracy in accuracies]
    return by_networks({f"The {name} is {_between(low, high)}": inside})


def accuracy_after(split: str, epoch: Literal["first", "last"]) -> Quantity:
    """A quantity of `measure_rise`."""
    return Quantity(f"{split} accuracy, {epoch} epoch", "accuracy", split=split, epoch=epoch)


def correlation_with_epoch(split: str) -> Quantity:
    """A quantity of `measure_rise`."""
    return Quantity(f"{split}, rank correlation with epoch", RANK_CORRELATION, split=split)


def final_accuracy(split: str, metric: str = OFF) -> Quantity:
    """A quantity of `measure_final`."""
    return Quantity(_called(split, metric), metric, split=split, epoch="last")


def _called(split: str, metric: str) -> str:
    return f"{ACCURACIES[split]} ({DROPOUT[metric]})"


def _between(low: float, high: float) -> str:
    return f"between {100 * low:.1f} and {100 * high:.1f} %"


def _log(predictor: RecipePredictor) -> pd.DataFrame:
    folder = predictor.workspace.out
    if not (folder / TRAINING_CSV).exists():
        raise NotTestableError("There is no training.csv; run without --only first.")
    log = read_table(folder, TRAINING_CSV)
    return where(log[log["network"] < predictor.networks], recipe=predictor.recipe)


def _by_network(log: pd.DataFrame, split: str, column: str) -> pd.DataFrame:
    """A row for each network, a column for each epoch."""
    return where(log, split=split).pivot(index="network", columns="epoch", values=column)


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
    figure="training",
    against="Accuracy can rise overall and still fall from one epoch to the next.",
    least_networks=FEWEST_COUNTED,
)


def _final(id: str, statement: str, split: str, metric: str, against: str) -> Claim:
    low, high = FINAL_VALIDATION if split == VALIDATION else FINAL_TRAINING
    return Claim(
        id=id,
        statement=statement,
        place="text below the plots of training",
        weight="check",
        rule=f"For each network, with {DROPOUT[metric]}: the accuracy after the last epoch is "
        f"{_between(low, high)}.",
        measure=partial(measure_final, split=split, metric=metric),
        judge=partial(judge_final, low=low, high=high),
        figure="training",
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
