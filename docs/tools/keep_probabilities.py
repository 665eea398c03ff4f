"""The probabilities of a run's contestants: ``python docs/tools/keep_probabilities.py RUN``.

Predictions are a gigabyte, and are not kept. For those who add people's answers, costs or a
reference, ``probabilities.npz`` has of each contestant of the first table what its first replicate
predicts, custom methods aside: of each condition that decides an array
``<contestant>/<condition>`` [images, classes] in half precision, of its first images.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference.evidence import evidence_in
from benchmarks.io import UserError, read_run_json, write_whole
from benchmarks.nouns import Contestant
from benchmarks.predictions import members_of
from benchmarks.report.results import Results
from benchmarks.report.tables.front import contestants
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.reading import read_prediction
from benchmarks.run.workspace import Workspace
from benchmarks.schema import packed

PROBABILITIES_NPZ = "probabilities.npz"

MOST_CONTESTANTS = 12

MOST_IMAGES, OF_A_MEASURE = 2500, 5000
"""Images of a condition, and of all conditions together that a measure is a mean over."""


def recorded(identity: Mapping[str, Any], **others: Any) -> Configuration:
    """The configuration that `Configuration.identity` is of, without custom methods.

    Args:
        others: parts that are other ones.
    """
    chosen = {**identity, "custom_methods": (), **others}
    parts: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in chosen.items()}
    return Configuration(**parts)


def keep_probabilities(run: Path) -> None:
    """Write the file into the folder of a run that has its predictions.

    Raises:
        UserError: it has none, or no answer.
    """
    write_whole(run / PROBABILITIES_NPZ, packed(dict(_probabilities(run))))


def _probabilities(run: Path) -> Iterator[tuple[str, NDArray[np.float16]]]:
    results, evidence = Results.load(run), evidence_in(run)
    plan = Plan(recorded(read_run_json(run)["configuration"]))
    workspace = Workspace(run, run, None, 1)
    most: dict[str, int] = {}
    for each in evidence:
        for name in each.drawn.shown:
            most[name] = max(most.get(name, 0), OF_A_MEASURE // len(each.drawn.shown))
    shown = {each.unscored for each in contestants([results], MOST_CONTESTANTS)}
    for unit in plan.units():
        if unit.replicate:
            continue
        for condition, images in most.items():
            stored = read_prediction(plan, workspace, unit, condition)
            if stored is None:
                raise UserError(f"there is no prediction of {unit.name} under {condition} in {run}")
            members = members_of(unit, stored.prediction.members)
            contestant = Contestant(unit.method, members, unit.budget)
            if contestant not in shown:
                break
            mean = stored.prediction.mean[: min(images, MOST_IMAGES)].numpy().astype(np.float16)
            yield f"{results.names.key(contestant)}/{condition}", mean


if __name__ == "__main__":
    try:
        keep_probabilities(*map(Path, sys.argv[1:]))
    except (TypeError, UserError) as error:
        usage = "python docs/tools/keep_probabilities.py RUN"
        print(f"error: {error}; usage: {usage}", file=sys.stderr)
        sys.exit(2)
