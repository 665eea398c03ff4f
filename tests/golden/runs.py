"""Two small runs whose predictions are stored, and the tables that follow from them.

The predictions are in a format of their own, so that they outlive the prediction files of a
version: a `.npz` a run unit. Its first array, ``unit``, has method, size, budget and replicate; the
others are ``<condition>/<name>``. Names are ``mean`` [images, classes] in single precision (see
`in_double_precision`), ``votes`` or ``vote_share`` [images, classes], ``expected_entropy``
[images], ``members`` (0: exact), ``labels`` [images], ``score:<score>`` [images],
``reason:<score>`` and ``remark``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.configuration import Configuration, configuration_of
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from methods import Prediction

FOLDER = Path(__file__).parent

OPTIONS: dict[str, dict[str, Any]] = {
    "digits": {
        "methods": (
            *("softmax", "mc_dropout", "deep_ensemble", "temperature_scaling"),
            *("temperature_scaled_mc_dropout", "temperature_scaled_ensemble"),
            *("laplace_last_layer", "laplace_kron", "test_time_augmentation", "swag"),
            *("snapshot_ensemble", "laplace_last_layer_kron", "laplace_last_layer_fisher"),
        ),
        "members": (1, 3),
        "passes": (20,),
        "replicates": 2,
        "pool": 6,
        "images": 40,
        "subset_images": 20,
        "epochs": 3,
        "conditions": ("clean", "rotated-030", "rotated-045", "ood-gaussian_noise"),
    },
    "mnist": {
        "methods": ("softmax", "mc_dropout", "deep_ensemble", "temperature_scaling"),
        "members": (1, 2, 5),
        "passes": (10, 50),
        "replicates": 5,
        "pool": 10,
        "images": 300,
        "epochs": 2,
        "scores": "unfitted",
        "conditions": (
            *("clean", "rotated-030", "rotated-060", "rotated-120"),
            *("corrupted-stripe", "ood-fashion_mnist"),
        ),
    },
}
"""What differs from the preset `full` of the task of this name.

Their networks were trained by a recipe that is gone; what follows from predictions asks for none.
"""

MEASURED = ["method", "members", "budget", "condition", "score", "metric"]
BOUNDS = ["lower", "upper"]

COLUMNS: dict[str, tuple[list[str], list[str]]] = {
    "measurements": ([*MEASURED, "replicate"], ["value"]),
    "summary": (MEASURED, ["value", *BOUNDS]),
    "answer": (
        MEASURED,
        [
            *("value", *BOUNDS, "best", "stays", "reason", "worth_reason"),
            *(
                f"{name}{end}"
                for name in ("difference", "worth")
                for end in ("", "_lower", "_upper")
            ),
        ],
    ),
}
"""Of each table the columns that name a row, and its numbers and words."""


def configuration(name: str) -> Configuration:
    """What the run of this name computes."""
    preset = configuration_of("full", name)
    values = {field: getattr(preset, field) for field in preset.__dataclass_fields__}
    # Of another name, since ensembles of the preset `full` also divide budgets.
    chosen = {"preset": "quick", "budgets": (1.0,), "resamples": 100} | OPTIONS[name]
    return Configuration(**values | chosen)


def measured(name: str, folder: Path, *, all_rows: bool) -> dict[str, pd.DataFrame]:
    """The tables of `COLUMNS` that today's code computes from the stored predictions, as text."""
    plan = Plan(configuration(name), all_rows=all_rows)
    workspace = Workspace(folder / "out", folder / "networks", None, jobs=1)
    RunRecord.begin(plan, workspace)
    groups = {
        condition.name: workspace.evaluation_set(condition, plan).groups
        for condition in plan.conditions
        if condition.labelled
    }
    for path in sorted((FOLDER / name).glob("*.npz")):
        for unit, condition, stored in stored_predictions(path):
            of_writers = replace(stored, groups=groups.get(condition))
            workspace.predictions.save(unit, condition, of_writers)
    failures = run_stages(plan, workspace, "measure")
    assert failures == []
    return {
        table: as_text(workspace.out / f"{table}.csv")[keys + numbers]
        for table, (keys, numbers) in COLUMNS.items()
    }


def expected(name: str, table: str) -> pd.DataFrame:
    """A table as it was frozen, as text."""
    return as_text(FOLDER / name / f"{table}.csv.gz")


def as_text(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def stored_predictions(path: Path) -> Iterator[tuple[RunUnit, str, StoredPrediction]]:
    """The predictions of a run unit, each with its condition."""
    with np.load(path) as arrays:
        method, size, budget, replicate = arrays["unit"].tolist()
        unit = RunUnit(method, int(size) if size else None, float(budget), int(replicate))
        for condition in dict.fromkeys(name.partition("/")[0] for name in arrays.files[1:]):
            yield unit, condition, _stored_prediction(arrays, f"{condition}/")


def _stored_prediction(arrays: Any, prefix: str) -> StoredPrediction:
    def tensor(name: str) -> torch.Tensor:
        values = arrays[prefix + name]
        return torch.from_numpy(values.astype(np.float64 if values.dtype.kind == "f" else np.int64))

    def under(kind: str) -> list[str]:
        names = (name.removeprefix(prefix) for name in arrays.files if name.startswith(prefix))
        return [name.removeprefix(kind) for name in names if name.startswith(kind)]

    members = int(arrays[f"{prefix}members"]) or None
    return StoredPrediction(
        Prediction(
            mean=torch.from_numpy(in_double_precision(arrays[f"{prefix}mean"])),
            vote_share=tensor("votes") / members if under("votes") else tensor("vote_share"),
            expected_entropy=tensor("expected_entropy"),
            members=members,
            scores={score: tensor(f"score:{score}") for score in under("score:")},
            remark=str(arrays[f"{prefix}remark"]) if under("remark") else "",
        ),
        tensor("labels") if under("labels") else None,
        reasons={score: str(arrays[f"{prefix}reason:{score}"]) for score in under("reason:")},
    )


def in_double_precision(mean: np.ndarray) -> np.ndarray:
    """The probabilities in double precision: the largest is what the others leave of 1."""
    whole = mean.astype(np.float64)
    rows, largest = np.arange(len(mean)), whole.argmax(axis=1)
    whole[rows, largest] = 0
    whole[rows, largest] = 1 - whole.sum(axis=1)
    return whole
