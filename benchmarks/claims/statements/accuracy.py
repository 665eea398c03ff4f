"""Claims about the article's training plots."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, by_networks
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.claims.rank_statistics import rank_correlation
from benchmarks.records import Quantity, where
from benchmarks.stored.tables import read_run_table
from benchmarks.vocabulary import RANK_CORRELATION, TRAINING_CSV
from methods.networks.log import ALL_TRAINING, TRAINING, VALIDATION

SPLITS = (TRAINING, VALIDATION)
LEAST_CORRELATION = 0.9
DROPOUT = {"accuracy": "", "accuracy_dropout_on": ", dropout on"}
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
        raise NotTestableError("networks were trained for one epoch only")
    numbers: dict[Quantity, list[float]] = {}
    for split in SPLITS:
        curves = _by_network(log, split, "accuracy")
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
            f"{split} accuracy rises": [
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


def measure_final(predictor: RecipePredictor) -> Numbers:
    """The accuracy of each network after its last epoch; on training images also with dropout on.

    On all training images where the recipe's log has them.
    """
    log = _log(predictor)
    training = ALL_TRAINING if ALL_TRAINING in set(log["split"]) else TRAINING
    measured = [(training, "accuracy"), (VALIDATION, "accuracy"), (training, "accuracy_dropout_on")]
    return {
        final_accuracy(split, metric): _by_network(log, split, metric).iloc[:, -1].tolist()
        for split, metric in measured
    }


def judge_final(numbers: Numbers) -> Judgement:
    """Training and validation accuracy in the article's range, for each network."""
    training = ALL_TRAINING if final_accuracy(ALL_TRAINING) in numbers else TRAINING
    return by_networks(
        {
            f"{name} accuracy in {100 * low:.1f}–{100 * high:.1f} %": [
                low <= accuracy <= high for accuracy in numbers[final_accuracy(split)]
            ]
            for name, split, (low, high) in (
                ("training", training, FINAL_TRAINING),
                ("validation", VALIDATION, FINAL_VALIDATION),
            )
        }
    )


def accuracy_after(split: str, epoch: Literal["first", "last"]) -> Quantity:
    """A quantity of `measure_rise`."""
    return Quantity(f"{split} accuracy, {epoch} epoch", "accuracy", split=split, epoch=epoch)


def correlation_with_epoch(split: str) -> Quantity:
    """A quantity of `measure_rise`."""
    return Quantity(f"{split}, rank correlation with epoch", RANK_CORRELATION, split=split)


def final_accuracy(split: str, metric: str = "accuracy") -> Quantity:
    """A quantity of `measure_final`."""
    return Quantity(ACCURACIES[split] + DROPOUT[metric], metric, split=split, epoch="last")


def _log(predictor: RecipePredictor) -> pd.DataFrame:
    folder = predictor.workspace.out
    if not (folder / TRAINING_CSV).exists():
        raise NotTestableError("there is no training.csv; run without --only first")
    log = read_run_table(folder, TRAINING_CSV)
    return where(log[log["network"] < predictor.networks], recipe=predictor.recipe)


def _by_network(log: pd.DataFrame, split: str, column: str) -> pd.DataFrame:
    """A row for each network, a column for each epoch."""
    return where(log, split=split).pivot(index="network", columns="epoch", values=column)


RISE = Claim(
    id="accuracy-rises",
    statement="Training and validation accuracy rise over the epochs.",
    place="the plots of accuracy over epochs of training",
    weight="check",
    rule="For each network, on both splits: accuracy after the last epoch is above that after "
    "the first, and Spearman's correlation of accuracy with the epoch is at least 0.9.",
    measure=measure_rise,
    judge=judge_rise,
    figure="training",
)

FINAL_ACCURACY = Claim(
    id="final-accuracy",
    statement="At epoch 10 training accuracy is just under 98 %, validation accuracy about 97.3 %.",
    place="the text below the plots of training",
    weight="check",
    rule="For each network, with dropout off: training accuracy is in 97.0–98.0 %, and "
    "validation accuracy in 96.8–97.8 %.",
    measure=measure_final,
    judge=judge_final,
    figure="training",
    against="The article's validation images are MNIST's test images. Its listing computes "
    "training accuracy before dropout is switched off, so accuracy with dropout on is also "
    "shown.",
)
