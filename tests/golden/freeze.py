"""Freeze golden numbers anew, where they change on purpose.

``python -m tests.golden.freeze NAME`` measures the stored predictions of a run by today's code, and
says what changes in each table. With the folder of a run of the same configuration behind NAME, its
predictions are stored first. ``weights`` in place of NAME trains networks for two epochs and stores
them with what they predict.
"""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from scipy.special import entr

from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import PREDICTIONS_FOLDER
from benchmarks.tasks import TASKS
from methods.engines import choose_engine
from methods.networks.pool import NetworkPool
from tests.golden.compared import differences
from tests.golden.runs import FOLDER, configuration, expected, in_double_precision, measured
from tests.golden.test_golden_networks import RECIPES, WEIGHTS, outputs, stored_network

IMAGES = 300
"""How many images of each condition are stored at most; of MNIST, 5,000 are for calibration."""


def store_predictions(name: str, run: Path) -> None:
    """Store the predictions of a run."""
    plan, store = Plan(configuration(name)), PredictionStore(run / PREDICTIONS_FOLDER)
    for path in (FOLDER / name).glob("*.npz"):
        path.unlink()
    for unit in plan.units():
        if plan.objection(unit) is None:
            arrays: dict[str, Any] = {"unit": np.array(_identity(unit))}
            for condition in plan.predicted(unit):
                of_condition = _arrays(store.load(unit, condition.name))
                arrays |= {f"{condition.name}/{key}": of_condition[key] for key in of_condition}
            path = FOLDER / name / f"{unit.name.replace('/', '-')}.npz"
            path.parent.mkdir(exist_ok=True)
            np.savez_compressed(path, **arrays)


def freeze(name: str) -> None:
    """Store what today's code computes from the predictions."""
    with TemporaryDirectory() as folder:
        for table, rows in measured(name, Path(folder), all_rows=True).items():
            path = FOLDER / name / f"{table}.csv.gz"
            rows = rows[~rows["condition"].str.endswith("-mean") | (table != "measurements")]
            if path.exists():
                print(f"{table}: {differences(table, expected(name, table), rows) or 'equal'}")
            text = rows.to_csv(index=False, lineterminator="\n")
            path.write_bytes(gzip.compress(text.encode(), mtime=0))


def freeze_weights() -> None:
    """Train and store the networks of `WEIGHTS`."""
    arrays = {}
    for name in ("mnist-standard", "digits-standard"):
        task = TASKS[name.partition("-")[0]]
        engine = choose_engine("numba" if name.startswith("mnist") else "torch", "cpu")
        pool = NetworkPool(replace(RECIPES[name], epochs=2), engine=engine)
        (network,) = pool.networks([0], task.split("training", None))
        weights = {key: value.half().numpy() for key, value in network.state_dict().items()}
        images = (task.split("test", None).images[:20] * 255).round().to(torch.uint8)
        predicted = outputs("torch", stored_network(name, weights), images.float() / 255)
        arrays |= {
            f"{name}/{key}": values
            for key, values in {**weights, "images": images.numpy(), **predicted}.items()
        }
    np.savez_compressed(WEIGHTS, **arrays)


def _identity(unit: RunUnit) -> list[str]:
    size = "" if unit.size is None else str(unit.size)
    return [unit.method, size, f"{unit.budget:g}", str(unit.replicate)]


def _arrays(stored: StoredPrediction) -> dict[str, Any]:
    prediction, members = stored.prediction, stored.prediction.members or 0
    share = prediction.vote_share.numpy()
    votes = np.rint(share * members)
    whole = members > 0 and np.array_equal(votes / members, share)
    mean, expected_entropy = _rounded(prediction.mean.numpy()), prediction.expected_entropy.numpy()
    entropy = entr(in_double_precision(mean)).sum(axis=1)
    per_image = {
        "mean": mean,
        "votes" if whole else "vote_share": votes.astype(np.uint8) if whole else share,
        "expected_entropy": entropy if members == 1 else np.minimum(expected_entropy, entropy),
        **{f"score:{score}": values.numpy() for score, values in prediction.scores.items()},
    }
    if stored.labels is not None:
        per_image["labels"] = stored.labels.numpy().astype(np.uint8)
    words = {f"reason:{score}": reason for score, reason in stored.reasons.items()}
    words |= {"remark": prediction.remark} if prediction.remark else {}
    return {
        **{name: _narrow(values)[:IMAGES] for name, values in per_image.items()},
        **{name: np.array(text) for name, text in words.items()},
        "members": np.array(members),
    }


def _narrow(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype == np.float64 else values


def _rounded(mean: np.ndarray) -> np.ndarray:
    """Probabilities that single precision keeps, as `tests.golden.runs` reads them.

    Where no class has more than one half, they are multiples of 2⁻²⁰ with a sum of exactly 1.
    """
    even = np.maximum(np.rint(mean * 2**20), 1) / 2**20
    rounded = np.where(mean.max(axis=1, keepdims=True) > 0.5, mean, even).astype(np.float32)
    rows, largest = np.arange(len(mean)), rounded.argmax(axis=1)
    rounded[rows, largest] += (1 - rounded.sum(axis=1, dtype=np.float64)).astype(np.float32)
    return rounded


if __name__ == "__main__":
    if sys.argv[1] == "weights":
        freeze_weights()
    else:
        if len(sys.argv) > 2:
            store_predictions(sys.argv[1], Path(sys.argv[2]))
        freeze(sys.argv[1])
