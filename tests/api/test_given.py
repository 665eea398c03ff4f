"""Predictions that a user has: every form of them, and every mistake, in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.api import ArgumentError, score_predictions

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(4, size=60)
LOGITS = RANDOM.normal(size=(3, 60, 4)) + 2 * np.eye(4)[LABELS]
GOOD = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)


def nll(**predictions: Any) -> float:
    results = score_predictions(**{"labels": LABELS, "resamples": 100, **predictions})
    rows = results.summary
    return float(rows[rows["metric"] == "nll"].iloc[0]["value"])


def test_forms_of_probabilities_and_logits_are_alike() -> None:
    expected = -np.log(GOOD.mean(axis=0)[np.arange(60), LABELS]).mean()
    for one in (GOOD, torch.tensor(GOOD, requires_grad=True), list(GOOD)):
        assert nll(predictions={"mine": one}) == pytest.approx(expected, abs=1e-9)
    logits = torch.tensor(LOGITS)
    assert nll(predictions={"mine": logits}, from_logits=True) == pytest.approx(expected, abs=1e-9)
    half = logits.to(torch.bfloat16)
    assert nll(predictions={"mine": half}, from_logits=True) == pytest.approx(expected, abs=0.02)
    single = -np.log(GOOD[0][np.arange(60), LABELS]).mean()
    assert nll(predictions={"mine": pd.DataFrame(GOOD[0])}) == pytest.approx(single, abs=1e-9)


def test_what_is_given_is_not_changed() -> None:
    before = GOOD.copy()
    score_predictions({"mine": GOOD}, LABELS, resamples=100)
    np.testing.assert_array_equal(GOOD, before)


MINE = {"mine": GOOD}

WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no dictionary": ({"predictions": GOOD}, TypeError, "expected a dictionary"),
    "sparse": (
        {"predictions": {"mine": torch.tensor(GOOD[0]).to_sparse()}},
        ValueError,
        "probabilities: this is no array of numbers",
    ),
    "logits": (
        {"predictions": {"mine": LOGITS}},
        ValueError,
        r"'mine': .* of 180 rows .*from_logits",
    ),
    "probabilities said to be logits": (
        {"predictions": MINE, "from_logits": True},
        ValueError,
        "'mine': all rows of 'probabilities' sum to 1.*leave out from_logits",
    ),
    "infinite logits": (
        {"predictions": {"mine": np.where(GOOD > 0.9, np.inf, LOGITS)}, "from_logits": True},
        ValueError,
        "'mine': .* are not finite; the first is that of member",
    ),
    "words": ({"predictions": {"mine": [["a", "b"]]}}, ValueError, "has the type <U1"),
    "of which method": (
        {"predictions": {**MINE, "other": GOOD}, "ood": {"far": GOOD}},
        ValueError,
        "ood 'far': there are 2 methods; expected a dictionary",
    ),
    "missing method": (
        {"predictions": {**MINE, "other": GOOD}, "ood": {"far": MINE}},
        ValueError,
        "ood 'far': there are no probabilities of 'other'",
    ),
    "calibration alone": (
        {"predictions": MINE, "calibration": GOOD[0]},
        TypeError,
        "calibration: expected a pair",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistake_is_named_in_one_line(case: str) -> None:
    arguments, kind, message = WRONG[case]
    with pytest.raises(kind, match=message) as raised:
        score_predictions(**{"labels": LABELS, **arguments})
    assert "\n" not in str(raised.value)
    assert "--" not in str(raised.value)
    if kind is ValueError:
        assert isinstance(raised.value, ArgumentError)
