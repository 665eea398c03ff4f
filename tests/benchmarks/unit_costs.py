"""What a unit of work costs, for the tables of `benchmarks.run.expected`.

``python -m tests.benchmarks.unit_costs FOLDER`` makes small runs of MNIST in this process and takes
the CPU time of their stages. What was done is counted as ``--plan`` does it; the costs are those
that explain all times best, none below zero. Run nothing beside it. A run that is in the folder
already is not timed again.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from scipy.optimize import nnls

from benchmarks.run.configuration import configuration_of
from benchmarks.run.expected import (
    METHOD_SECONDS,
    PROCESS,
    REFERENCE,
    SECONDS,
    Counting,
    Work,
    measured_speed,
)
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import LATENCY, MEASURE, PREDICT, REPORT, STAGES, TRAIN
from methods import METHODS

FEW: dict[str, Any] = {
    **{"recipes": ("standard",), "epochs": 1, "replicates": 2, "pool": 2, "images": 1000},
    **{"members": (2,), "passes": (10,), "conditions": ("clean", "rotated-0[34]?", "ood-*_noise")},
}
COMPUTED = (TRAIN, PREDICT, MEASURE)

Timed = dict[str, dict[str, Any]]
"""By stage, what was counted and how long it took."""

RUNS: dict[str, tuple[Sequence[str], dict[str, Any]]] = {
    "one": (STAGES, {"methods": ("softmax",), "images": 20, "scores": "unfitted"}),
    "images": (COMPUTED, {"methods": ("softmax",), "images": 6000}),
    "networks": (COMPUTED, {"methods": ("softmax",), "replicates": 8, "pool": 8, "images": 20}),
    "ensembles": (COMPUTED, {"methods": ("deep_ensemble",), "members": (1, 2, 8), "pool": 8}),
    "passes": (COMPUTED, {"methods": ("mc_dropout",), "passes": (10, 100)}),
    "recipes": (
        (*COMPUTED, REPORT),
        {
            "methods": ("softmax", "mc_dropout", "deep_ensemble", "temperature_scaling"),
            "recipes": ("standard", "relu-dropout"),
            "conditions": ("rotated-*", "translated-*", "corrupted-*", "ood-fashion_mnist"),
            "images": 200,
        },
    ),
    "methods": (
        (PREDICT, MEASURE, LATENCY, REPORT),
        {"methods": tuple(METHODS), "replicates": 1, "images": 30, "subset_images": 1},
    ),
    **{
        f"{name} {images}": (
            (PREDICT,),
            {"methods": (name,), "replicates": 1, "images": images, "subset_images": images // 50},
        )
        for name in METHOD_SECONDS
        for images in (50, 500)
    },
}
"""The stages that are timed, and what differs from the preset `full` beside `FEW`."""


def timed_stages(name: str, folder: Path) -> Timed:
    """What each stage of a run had to do, and the CPU seconds that it took beside networks'."""
    timed, options = RUNS[name]
    plan = Plan(replace(configuration_of("full"), **(FEW | options)))
    workspace = Workspace(folder / name, folder / "store of networks", None, 1)
    workspace.networks.mkdir(parents=True, exist_ok=True)
    speed, stages = measured_speed(plan), Timed()
    for stage in timed:
        works = [work for work in Counting(plan, workspace).works() if work.stage == stage]
        begun = process_time()
        run_stages(plan, workspace, stage)
        taken = process_time() - begun
        counts = Counter[str]()
        for work in works:
            counts.update(priced(work))
        networks = sum(speed.seconds(work) for work in works if not priced(work))
        seconds = (taken - networks) * REFERENCE / speed.mixed
        stages[stage] = {"counts": counts, "seconds": seconds}
        print(f"{name:24} {stage:8} {taken:8.1f} s, of networks {networks:8.1f} s", flush=True)
    return stages


def priced(work: Work) -> dict[str, float]:
    """How often each cost is to be paid for some work; none if it is of networks, timed apart."""
    if work.what in SECONDS:
        return {work.what: work.amount}
    if work.what in METHOD_SECONDS:
        return {f"{work.what}, a fit": work.amount, f"{work.what}, an image": work.images}
    return {}


def fitted_costs(stages: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The costs that explain the stages' seconds best: relative to these, and none below zero."""
    # Nothing is started here.
    names = sorted({name for stage in stages for name in stage["counts"]} - {PROCESS})
    counts = np.array([[stage["counts"].get(name, 0.0) for name in names] for stage in stages])
    seconds = np.array([max(stage["seconds"], 0.0) for stage in stages])
    weights = 1 / (seconds + 1.0)
    relative = counts * weights[:, None]
    largest = np.maximum(relative.max(axis=0), 1e-300)
    solved, _ = nnls(relative / largest, seconds * weights)
    return dict(zip(names, (solved / largest).tolist(), strict=True))


def main(folder: Path) -> None:
    """Time what is not timed yet, and print the costs and how well they explain the times."""
    runs: dict[str, Timed] = {}
    for name in RUNS:
        path = folder / f"{name}.json"
        if not path.exists():
            path.write_text(json.dumps(timed_stages(name, folder)))
        runs[name] = json.loads(path.read_text())
    costs = fitted_costs([stage for run in runs.values() for stage in run.values()])
    for name, seconds in costs.items():
        print(f"{name:40} {seconds:.3g}")
    for name, run in runs.items():
        for which, stage in run.items():
            counts = stage["counts"].items()
            explained = sum(costs.get(what, 0.0) * count for what, count in counts)
            print(f"{name:24} {which:8} {stage['seconds']:8.1f} s, explained {explained:8.1f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
