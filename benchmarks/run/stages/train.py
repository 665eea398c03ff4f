"""The stage `train`: fill the network store, and write the log of each network's training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from benchmarks.parallel import parallel
from benchmarks.run.failure import Failure
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.stages.predict import find_data, pending_groups
from benchmarks.run.stages.training_log import log_of, logged, networks_in, read_log, write_log
from benchmarks.run.workspace import Workspace
from benchmarks.stored.listing import own_file
from benchmarks.vocabulary import TRAIN, TRAINING_CSV
from methods.networks.training import TrainedNetwork, TrainingDivergedError
from methods.threads import one_torch_thread

Networks = tuple[str, list[int]]
"""A recipe and the numbers of some of its networks."""

Outcomes = dict[tuple[str, int], TrainedNetwork | TrainingDivergedError]


def train(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Train the networks that are needed and not stored yet, and write `training.csv`.

    Needed are those whose log is not complete, and those of predictions that are not there yet: a
    merged run has both, although this machine may have none of its networks.
    """
    path = workspace.out / TRAINING_CSV
    earlier = read_log(path)
    complete = logged(earlier, plan)
    needed = set(plan.networks()) - complete
    if complete:
        record.note_data(find_data(plan, workspace))
        needed |= plan.networks_of(pending_groups(plan, workspace, record.unavailable))
    wanted = [network for network in plan.networks() if network in needed]
    outcomes = train_networks(plan, workspace, wanted)
    new = {
        network: outcome
        for network, outcome in outcomes.items()
        if isinstance(outcome, TrainedNetwork) and network not in complete
    }
    kept = [network in complete for network in networks_in(earlier)]
    log = pd.concat([earlier[kept], log_of(new)], ignore_index=True)
    if len(log):
        write_log(log, plan, own_file(workspace.out, TRAINING_CSV))
    return [
        Failure(f"network {number} of {recipe}", str(outcomes[recipe, number]))
        for recipe, number in wanted
        if not isinstance(outcomes[recipe, number], TrainedNetwork)
    ]


def train_networks(plan: Plan, workspace: Workspace, wanted: Sequence[tuple[str, int]]) -> Outcomes:
    """Train networks, pairs (recipe, number), that are not in the store yet."""
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
    return {network: outcome for some in done for network, outcome in some.items()}


@one_torch_thread()
def _train(plan: Plan, workspace: Workspace, networks: Networks) -> Outcomes:
    recipe, numbers = networks
    pool = plan.pool(recipe, workspace.store)
    training, test = workspace.training_images(plan, recipe), workspace.images(plan.task, "test")
    outcomes = pool.train(numbers, training, test)
    return dict(zip(((recipe, number) for number in numbers), outcomes, strict=True))
