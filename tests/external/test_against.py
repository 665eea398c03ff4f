"""Predictions against people's answers and a reference, and in another order of the classes."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from benchmarks.api import score_predictions
from benchmarks.intake.given import score_files
from benchmarks.io import UserError
from tests.external.test_scoring import CLASSES, IMAGES, LABELS, members
from tests.processes import status_of

MINE, REFERENCE = members(1, labels=LABELS), members(2, labels=LABELS)[0]
RANDOM = np.random.default_rng(5)
COUNTS = np.array([RANDOM.multinomial(50, row) for row in REFERENCE])


def value(rows: pd.DataFrame, measure: str, score: str = "") -> float:
    return float(rows[(rows["measure"] == measure) & (rows["score"] == score)]["value"].item())


def test_people_are_a_label_for_each_answer() -> None:
    rows = score_predictions({"mine": MINE}, LABELS, humans=COUNTS).against
    mean, shares = MINE.mean(axis=0), COUNTS / COUNTS.sum(axis=1, keepdims=True)
    image, answer = (axis.ravel() for axis in np.indices(COUNTS.shape))
    losses = log_loss(answer, mean[image], sample_weight=shares.ravel())
    assert value(rows, "nll") == pytest.approx(losses)
    distances = [sum((p - q) ** 2) for p, q in zip(mean, shares, strict=True)]
    assert value(rows, "brier") == pytest.approx(np.mean(distances))
    frame = pd.DataFrame({"own": -(mean * np.log(mean)).sum(axis=1)})
    frame["people"] = [round(-sum(q * math.log(q) for q in row if q), 12) for row in shares]
    expected = frame.corr(method="spearman").loc["own", "people"]
    assert value(rows, "rank_correlation", "predictive_entropy") == pytest.approx(expected)
    assert (rows["images"] == IMAGES).all()


def test_reference_is_agreed_with_by_its_own_mean() -> None:
    rows = score_predictions({"mine": MINE}, LABELS, reference=REFERENCE).against
    mean = MINE.mean(axis=0)
    votes = mean.argmax(axis=1) == REFERENCE.argmax(axis=1)
    assert value(rows, "agreement") == votes.mean()
    varied = [max(abs((p - q)[p > q].sum()), 0) for p, q in zip(mean, REFERENCE, strict=True)]
    assert value(rows, "total_variation") == pytest.approx(np.mean(varied))
    spread = np.std(varied, ddof=1) / math.sqrt(IMAGES)
    row = rows[rows["measure"] == "total_variation"].iloc[0]
    assert (row["upper"] - row["lower"]) / 2 == pytest.approx(1.96 * spread, rel=1e-4)
    same = score_predictions({"mine": REFERENCE}, LABELS, reference=REFERENCE).against
    assert (value(same, "agreement"), value(same, "total_variation")) == (1, 0)


def test_command_prints_and_writes_what_predictions_are_against_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    np.save("mine.npy", MINE)
    np.save("labels.npy", LABELS)
    np.save("counts.npy", COUNTS)
    pd.DataFrame(REFERENCE).to_csv("reference.csv")
    arguments = ("mine.npy", "--labels", "labels.npy", "--humans", "counts.npy")
    assert status_of("score", *arguments, "--reference", "reference.csv", "--out", "scored") == 0
    shown = capsys.readouterr().out
    assert "Against humans" in shown
    assert "Against reference" in shown
    expected = score_predictions({"mine": MINE}, LABELS, humans=COUNTS, reference=REFERENCE)
    written = pd.read_csv(Path("scored", "against.csv"), keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(written.fillna({"score": ""}), expected.against)
    # An archive may hold the answers, but is no distribution itself.
    np.savez("mine.npz", probabilities=MINE, labels=LABELS, humans=COUNTS)
    held = score_files([Path("mine.npz")], resamples=100).against
    of_people = expected.against[expected.against["against"] == "humans"]
    assert held["value"].tolist() == of_people["value"].tolist()
    assert status_of("score", "mine.npz", "--humans", "mine.npz") == 2
    assert "expected one array" in capsys.readouterr().err


NOBODY = np.where(np.arange(IMAGES)[:, None] == 3, 0, COUNTS)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"humans": NOBODY}, "'humans' has in row 3 .*at least one answer an image"),
        ({"humans": COUNTS[:-1]}, r"'humans' has the shape \[119, 7\] .*120 images"),
        ({"humans": np.where(NOBODY == 0, np.inf, 1.0)}, "'humans' has in row 0"),
        ({"reference": REFERENCE[::-1]}, "as by chance; put its rows into the order of the labels"),
        ({"reference": 2 * REFERENCE}, "'reference' has 120 of 120 rows"),
    ],
)
def test_what_is_of_other_images_is_refused(others: dict[str, np.ndarray], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        score_predictions({"mine": MINE}, LABELS, **others)


@pytest.mark.parametrize("permuted", [True, False])
def test_other_order_of_the_columns_is_asked_about(
    permuted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    order = np.roll(np.arange(CLASSES), 1) if permuted else np.arange(CLASSES)
    sure = np.eye(CLASSES)[LABELS] * 0.8 + 0.2 / CLASSES
    np.savez("mine.npz", probabilities=sure[:, order], labels=LABELS)
    assert status_of("score", "mine.npz") == 0
    asked = "0.0% of the images are right, but 100.0% in another order of the columns"
    assert (asked in " ".join(capsys.readouterr().err.split())) == permuted
    with pytest.warns(UserWarning, match=asked) if permuted else nullcontext():
        score_predictions({"mine": sure[:, order]}, LABELS)
