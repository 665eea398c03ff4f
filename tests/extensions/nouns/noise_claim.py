"""A claim about the accuracy of single networks."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, RulePart, by_parts
from benchmarks.claims.numbers import over_networks, rows, values
from benchmarks.claims.predictor import Predictor
from benchmarks.metrics.scoring import correct
from benchmarks.vocabulary import CLEAN

NOISY = "noise-40"


def measure(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """The accuracy of each network on clean and noisy images."""
    for condition in (CLEAN, NOISY):
        means = [
            predictor.get(predictor.softmax(n), condition).mean for n in range(predictor.networks)
        ]
        accuracies = [correct(mean, predictor.labels).double().mean().item() for mean in means]
        yield rows("accuracy", accuracies, method="softmax", condition=condition)


def judge(table: pd.DataFrame) -> Judgement:
    """Whether noise lowers the accuracy."""
    clean, noisy = (
        values(table, "accuracy", method="softmax", condition=condition)
        for condition in (CLEAN, NOISY)
    )
    falls = over_networks(clean - noisy)
    parts = [
        RulePart("fall of the accuracy, above 0 %", falls.percent(), falls.above()),
        RulePart("fall of the accuracy, above 50 %", falls.percent(), falls.above(0.5)),
    ]
    return by_parts(parts, f"Noise lowers the accuracy by {falls.percent()}.")


NOISE_LOWERS_ACCURACY = Claim(
    id="noise-lowers-accuracy",
    statement="Noise lowers the accuracy.",
    place="outlook",
    weight="supporting",
    rule="The 95 % interval (over networks) of the fall with noise of 40 % lies above 0 and 50 %.",
    measure=measure,
    judge=judge,
    figure="noisy-accuracy",
    against="Only one kind of noise is tried.",
)
