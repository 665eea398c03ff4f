"""Damaged files of external predictions: one line, or numbers; never anything else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import UserError
from benchmarks.predictions import RunUnit
from benchmarks.run.measurement_rows import measure_values
from benchmarks.score.conditions import LABELLED
from benchmarks.score.prediction_files import read_predictions
from tests.hostile.mutation import LENGTHS, files_damaged, fuzz, outcome

UNIT = RunUnit("self-trained", "a", None, 0)

LABELS = np.array([0, 1, 2, 0, 1])


def saved(save: object, **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)  # type: ignore[operator]
    return file.getvalue()


def probabilities(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(3), shape)


VALID = (
    saved(np.savez, probabilities=probabilities(0, 2, 5), labels=LABELS),
    saved(np.savez_compressed, probabilities=probabilities(1, 5), labels=LABELS.astype("i1")),
    saved(
        np.savez,
        probabilities=np.asfortranarray(probabilities(2, 2, 5)),
        labels=LABELS,
        ood_x=probabilities(3, 2, 4).astype("f4"),
    ),
    saved(
        np.savez,
        probabilities=probabilities(4, 2, 5),
        labels=LABELS,
        calibration_probabilities=probabilities(5, 2, 6),
        calibration_labels=np.array([0, 1, 2, 2, 1, 0]),
    ),
)


@pytest.mark.parametrize("times", LENGTHS)
def test_damaged_file_is_refused_or_scored(times: int, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"

    def holds(content: bytes) -> None:
        path.write_bytes(content)
        external = outcome(lambda: read_predictions(path), UserError)
        for condition, values in (external.predictions if external else {}).items():
            rows = measure_values(UNIT, condition, values, external.predictions[LABELLED])
            unavailable = set() if values.calibrated else {"unavailable"}
            assert {row.status for row in rows} <= {"ok", "undefined"} | unavailable

    fuzz(holds, 100 * times, content=files_damaged(VALID))


@pytest.mark.parametrize("content", VALID)
def test_undamaged_file_is_read(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    assert read_predictions(tmp_path / "a.npz").labels.tolist() == LABELS.tolist()
