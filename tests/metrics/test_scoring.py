"""Scores by hand, and what is refused; `test_agreement.py` compares them with libraries."""

import math
from dataclasses import replace

import pytest
import torch

from benchmarks.metrics import METRICS, MetricInputs
from benchmarks.metrics.scoring import brier, correct, negative_log_likelihood
from methods import Prediction


def test_ties_go_to_the_lowest_class():
    tied = torch.tensor([[0.2, 0.4, 0.4]]).expand(3, 3)
    assert correct(tied, torch.tensor([0, 1, 2])).tolist() == [False, True, False]


def test_no_probability_for_the_label_is_infinite_and_not_clipped():
    mean = torch.tensor([[1.0, 0.0], [0.75, 0.25]])
    values = negative_log_likelihood(mean, torch.tensor([1, 1]))
    assert values.isinf().tolist() == [True, False]


def test_likelihood_below_single_precision_is_still_finite():
    mean = torch.tensor([[1.0, 1e-300]], dtype=torch.float64)
    value = negative_log_likelihood(mean, torch.tensor([1])).item()
    assert value == pytest.approx(300 * math.log(10))


def test_brier_score_spans_zero_to_two():
    mean = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    values = brier(mean, torch.tensor([0, 0, 0]))
    assert values.tolist() == [0, 0.25 + 0.0625 + 0.0625, 2]


@pytest.mark.parametrize(
    ("mean", "labels", "message"),
    [
        ([[4.0, -1.0]], [0], "apply softmax"),
        ([[0.5, 0.5]], [-1], "labels range from -1 to -1; expected classes from 0 to 1"),
        ([[0.5, 0.5]], [2], "labels range from 2 to 2; expected classes from 0 to 1"),
        ([[0.5, 0.5], [0.1, 0.9]], [0], r"labels have the shape \[1\]; expected \[2\]"),
    ],
    ids=["logits", "negative label", "label of no class", "labels that would broadcast"],
)
@pytest.mark.parametrize("name", ["accuracy", "nll", "brier", "ece"])
def test_what_cannot_be_scored_is_refused(
    name: str, mean: list[list[float]], labels: list[int], message: str
) -> None:
    whole = torch.tensor(mean)
    prediction = replace(Prediction.of(torch.full((1, *whole.shape), 0.5)), mean=whole)
    with pytest.raises(ValueError, match=message):
        METRICS[name].value(MetricInputs(prediction, torch.tensor(labels)))
