"""The stage `train`: fill the network store, and write the log of each network's training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from benchmarks.run.failure import Failure
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.stages.predict import find_data, pending_groups
from benchmarks.run.stages.training_log import log_of, logged, networks_in, read_log, write_log
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import TRAIN, TRAINING_CSV
from methods.networks.labelled_images import LabelledImages
from methods.networks.training import TrainedNetwork, TrainingDivergedError
from methods.threads import one_torch_thread

Networks = tuple[str, list[int]]
"""A recipe and the numbers of some of its networks."""

Outcomes = dict[tuple[str, int], TrainedNetwork | TrainingDivergedError]


def train(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Train the networks that are needed and not stored yet, and write `training.csv`.

    The log of a shard is `training-<i>-of-<n>.csv`, until `join_logs` adds it. Needed are networks
    whose log is not complete, and those of predictions that are not there yet.
    """
    whole = replace(plan, shard=None)
    path = workspace.out / TRAINING_CSV
    if plan.shard is not None:
        path = path.with_stem(f"{path.stem}-{plan.shard.name}")
    earlier = read_log(path)
    complete = logged(earlier, whole)
    needed = set(plan.networks()) - complete
    if complete:
        record.note_data(find_data(plan, workspace))
        needed |= plan.networks_of(pending_groups(plan, workspace, record.unavailable))
    wanted = [network for network in plan.networks() if network in needed]
    outcomes = train_networks(plan, workspace, wanted)
    networks = [one for one in outcomes.values() if isinstance(one, TrainedNetwork)]
    record.note_machines("networks", (one.machine for one in networks))
    new = {
        network: outcome
        for network, outcome in outcomes.items()
        if isinstance(outcome, TrainedNetwork) and network not in complete
    }
    kept = [network in complete for network in networks_in(earlier)]
    log = pd.concat([earlier[kept], log_of(new)], ignore_index=True)
    if len(log):
        write_log(log, whole, path)
    return [
        Failure(f"network {number} of {recipe}", str(outcomes[recipe, number]))
        for recipe, number in wanted
        if not isinstance(outcomes[recipe, number], TrainedNetwork)
    ]


def train_networks(plan: Plan, workspace: Workspace, wanted: Sequence[tuple[str, int]]) -> Outcomes:
    """The networks, pairs (recipe, number); those that are not in the store yet are trained."""
    # Images are loaded, and perhaps downloaded, once: before workers do so.
    outcomes = _trained_before(plan, workspace, wanted)
    untrained = [network for network in wanted if network not in outcomes]
    done = workspace.in_parallel(
        partial(_train, plan),
        [
            (recipe, batch)
            for recipe in dict.fromkeys(recipe for recipe, _ in untrained)
            for batch in plan.engine.batches([n for name, n in untrained if name == recipe])
        ],
        stage=TRAIN,
        what="networks",
        threads=plan.in_threads,
    )
    return outcomes | {network: outcome for some in done for network, outcome in some.items()}


def _trained_before(
    plan: Plan, workspace: Workspace, wanted: Sequence[tuple[str, int]]
) -> Outcomes:
    """The networks that are in the store, with their logs."""
    found: Outcomes = {}
    for recipe in dict.fromkeys(recipe for recipe, _ in wanted):
        numbers = [number for name, number in wanted if name == recipe]
        training, test = _training_and_test(plan, workspace, recipe)
        trained = plan.pool(recipe, workspace.store).trained(numbers, training, test)
        found |= {(recipe, number): network for number, network in trained.items()}
    return found


@one_torch_thread()
def _train(plan: Plan, workspace: Workspace, networks: Networks) -> Outcomes:
    recipe, numbers = networks
    pool = plan.pool(recipe, workspace.store)
    outcomes = pool.train(numbers, *_training_and_test(plan, workspace, recipe))
    return dict(zip(((recipe, number) for number in numbers), outcomes, strict=True))


def _training_and_test(
    plan: Plan, workspace: Workspace, recipe: str
) -> tuple[LabelledImages, LabelledImages]:
    return workspace.training_images(plan, recipe), workspace.images(plan.task, "test")
