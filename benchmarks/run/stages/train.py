"""The stage `train`: fill the network store, and write the log of each network's training."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import pandas as pd

from benchmarks.parallel import parallel
from benchmarks.records import write_table
from benchmarks.run.failure import Failure
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Workspace
from benchmarks.stored.listing import own_file
from benchmarks.vocabulary import TRAIN, TRAINING_CSV
from methods.networks.training import TrainedNetwork, TrainingDivergedError
from methods.threads import one_torch_thread

Networks = tuple[str, list[int]]
"""A recipe and the numbers of some of its networks."""

Outcomes = dict[tuple[str, int], TrainedNetwork | TrainingDivergedError]


def train(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Train the networks that are not stored yet, and write `training.csv`."""
    wanted = plan.networks()
    for recipe in {recipe for recipe, _ in wanted}:
        workspace.training_images(plan, recipe)  # downloaded once, before workers load them
    done = parallel(
        partial(_train, plan, workspace),
        [
            (recipe, batch)
            for recipe in dict.fromkeys(recipe for recipe, _ in wanted)
            for batch in plan.engine.batches([n for name, n in wanted if name == recipe])
        ],
        stage=TRAIN,
        what="networks",
        jobs=workspace.jobs,
        threads=plan.in_threads,
    )
    outcomes = {network: outcome for some in done for network, outcome in some.items()}
    rows = [
        {"recipe": recipe, "network": number} | asdict(row)
        for recipe, number in wanted
        if isinstance(trained := outcomes[recipe, number], TrainedNetwork)
        for row in trained.log
    ]
    if rows:
        write_table(pd.DataFrame(rows), own_file(workspace.out, TRAINING_CSV))
    return [
        Failure(f"network {number} of {recipe}", str(outcomes[recipe, number]))
        for recipe, number in wanted
        if not isinstance(outcomes[recipe, number], TrainedNetwork)
    ]


@one_torch_thread()
def _train(plan: Plan, workspace: Workspace, networks: Networks) -> Outcomes:
    recipe, numbers = networks
    pool = plan.pool(recipe, workspace.store)
    training, test = workspace.training_images(plan, recipe), workspace.images(plan.task, "test")
    outcomes = pool.train(numbers, training, test)
    return dict(zip(((recipe, number) for number in numbers), outcomes, strict=True))
