"""A small run on real data, and what the tests of its stages share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.predictions import RunUnit
from benchmarks.run.configuration import Configuration
from tests.runs import Run, predicted_arrays, run_of

SMALL = Configuration(
    preset="quick",
    task="mnist",
    recipes=("standard", "plain"),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-045", "rotated-120", "ood-uniform_noise", "ood-gaussian_noise"),
    members=(2,),
    passes=(4,),
    replicates=2,
    images=150,
    epochs=1,
    resamples=100,
    scores="unfitted",
)

LITTLE = replace(
    SMALL,
    recipes=("plain",),
    methods=("softmax", "deep_ensemble"),
    conditions=("rotated-045", "ood-uniform_noise"),
    replicates=1,
)

FEW = replace(LITTLE, methods=("softmax",), conditions=())

UNITS = [
    *(("standard", "softmax", None, replicate) for replicate in (0, 1)),
    *(("plain", "softmax", None, replicate) for replicate in (0, 1)),
    *(("standard", "mc_dropout", 4, replicate) for replicate in (0, 1)),
    ("standard", "deep_ensemble", 2, 0),
    ("plain", "deep_ensemble", 2, 0),
]
"""These have prediction files; MC-dropout of networks without dropout has none."""


CUSTOM = '''
import dataclasses

import torch

from methods import Prediction, UncertaintyMethod


class NearestMean(UncertaintyMethod):
    """Nearest class mean, over random halves of the training images."""

    name = "nearest_mean"

    def fit(self, images, labels):
        generator = torch.Generator().manual_seed(self.seed)
        flat = images.flatten(start_dim=1)
        self.means = []
        for _ in range(3):
            half = torch.randperm(len(flat), generator=generator)[: len(flat) // 2]
            self.means.append(
                torch.stack([flat[half][labels[half] == c].mean(dim=0) for c in range(10)])
            )
        return self

    def predict(self, images):
        distances = torch.stack([torch.cdist(images.flatten(start_dim=1), m) for m in self.means])
        whole = Prediction.of_logits(-distances)
        nearest = distances.amin(dim=(0, 2)).double()
        return dataclasses.replace(whole, scores={"nearest": nearest})
'''


def run_in(folder: Path, configuration: Configuration = SMALL) -> Run:
    return run_of(configuration, folder)


def tables(folder: Path) -> dict[str, bytes]:
    return {
        name: (folder / "out" / name).read_bytes()
        for name in ("training.csv", "measurements.csv", "summary.csv", "comparisons.csv")
    }


def arrays(folder: Path, unit: RunUnit, condition: str) -> dict[str, np.ndarray]:
    """The arrays of a prediction file, with means in double precision and shares of votes."""
    stored = predicted_arrays(folder / "out" / "predictions" / f"{unit.name}.zip", condition)
    members = stored["votes"].sum(axis=1, keepdims=True)
    mean, share = stored["mean"].astype(np.float64), stored["votes"] / members
    largest = mean.max(axis=1, keepdims=True)
    certain = (mean == largest) & (largest > 0.5)
    others = np.where(certain, 0, mean).sum(axis=1, keepdims=True)
    mean = np.where(certain, 1 - others, mean)
    mean /= mean.sum(axis=1, keepdims=True)
    return stored | {"mean": mean, "vote_share": share, "members": members[0]}


def prediction_files(folder: Path) -> list[Path]:
    return list((folder / "out" / "predictions").rglob("*.zip"))


def custom_method(folder: Path, *changes: tuple[str, str]) -> str:
    text = CUSTOM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    path = folder / "mine.py"
    path.write_text(text)
    return f"{path}:NearestMean"


def breaking(when: str, error: str = "RuntimeError('not these\\nof all')") -> tuple[str, str]:
    predict = "    def predict(self, images):\n"
    return predict, f"{predict}        if {when}:\n            raise {error}\n"
