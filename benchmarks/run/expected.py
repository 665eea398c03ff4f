"""What a run will take, before it starts: CPU seconds by stage, without what is stored already.

Its units are counted from the plan, and cost what they took in real runs; nothing is tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, groupby
from typing import cast

import pandas as pd

from benchmarks.io import print_table
from benchmarks.latency.places import latency_tasks, timed_on
from benchmarks.latency.stage import timed_earlier
from benchmarks.predictions import Owner, PoolNetwork, RunUnit
from benchmarks.run.configuration import PRESETS
from benchmarks.run.plan import Plan
from benchmarks.run.predict import pending_groups
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import CLAIMS, EXPERIMENTS, LATENCY, MEASURE, PREDICT, REPORT, TRAIN
from methods import MemberMethod, PooledMethod
from methods.networks.network import multiply_adds
from methods.networks.recipes import ARTICLE, ARTICLE_LOGITS, WELL_TRAINED, Recipe
from methods.trained.base import TrainedMethod

NETWORK = {
    "training": {"numba": 3e-5, "torch": 1.1e-4, "own": 9.5e-5},
    "forward": {"numba": 1.3e-5, "torch": 5.5e-5, "own": 2.4e-5},
    "dropout pass": {"numba": 1.75e-6, "torch": 2.4e-5},
}
"""CPU seconds of an image and a LeNet-5, by engine; "own": of methods that train themselves.

Like those below, on a core of an AMD EPYC or Intel Xeon with AVX-512, by the stages of 0.3's runs
(``full`` of two tasks, ``article``, ``quick``), in which all cores were at work: alone on the
machine, a network takes about .6 of this. Methods that train themselves: a mean over ten of them,
by multiply-adds in training, by members in prediction.
"""

MEMBER, MEASURED, CLAIMED = 3e-7, (0.013, 9e-6), 4.5
"""CPU seconds of an image by a member; of a condition that is measured, and of an image of it; of a
network of claims."""

TIMED, SHOWN = 1.25, (17.0, 0.45)
"""CPU seconds of a timing, for each second of its limit; of the page, and of a method on it."""

Work = tuple[str, str, int, float]
"""A stage, what it does, how often, and for how many CPU seconds."""


def expected(plan: Plan, workspace: Workspace) -> pd.DataFrame:
    """What each stage does: ``stage``, ``what``, ``count`` and CPU ``seconds``."""
    works = chain(*(part(plan, workspace) for part in (_training, _predicting, _rest)))
    table = pd.DataFrame(works, columns=["stage", "what", "count", "seconds"])
    added = table.groupby(["stage", "what"], sort=False, as_index=False).sum()
    return added[added["count"] > 0]


def _images(plan: Plan, owner: Owner) -> int:
    every = plan.task.test_images
    return sum(plan.limits_of(c).number(c, c.size or every) for c in plan.predicted(owner))


def _network(what: str, recipe: Recipe, engine: str) -> float:
    """CPU seconds of an image; half of them grow with the multiply-adds."""
    size = multiply_adds(recipe.network) / multiply_adds(WELL_TRAINED.network)
    return NETWORK[what][engine] * (1 + size) / 2


def _has_networks(workspace: Workspace) -> bool:
    """Whether any are stored; else the images need not be loaded by which they are found."""
    return any(workspace.networks.glob("*.safetensors"))


def _training(plan: Plan, workspace: Workspace) -> Iterator[Work]:
    for name, group in groupby(plan.networks(), lambda network: network.training):
        recipe, numbers = plan.trainings[name], [network.number for network in group]
        missing = len(numbers)
        if _has_networks(workspace):
            images, test = (workspace.images(plan.task, each) for each in (recipe.split, "test"))
            missing -= len(plan.pool(name, workspace.store).trained(numbers, images, test))
        seen = recipe.epochs * plan.task.images_to_train_with(recipe.split)
        cost = missing * seen * _network("training", recipe, plan.configuration.engine)
        yield TRAIN, f"{name}, {recipe.epochs:g} epochs", missing, cost


def _predicting(plan: Plan, workspace: Workspace) -> Iterator[Work]:
    """Predictions, without fits to trained networks, which take a few per cent of it."""
    for group in pending_groups(plan, workspace, ()):
        first, images = group[0], _images(plan, group[0])
        if isinstance(first, PoolNetwork):
            recipe, engine = plan.trainings[first.training], plan.configuration.engine
            yield PREDICT, "networks", 1, images * _network("forward", recipe, engine)
        else:
            yield PREDICT, first.method, 0, _members(plan, workspace, first, images)
        for unit in (owner for owner in group if isinstance(owner, RunUnit)):
            yield PREDICT, unit.method, 1, images * (unit.size or 1) * MEMBER


def _members(plan: Plan, workspace: Workspace, unit: RunUnit, images: int) -> float:
    """CPU seconds of the members of a method that reads images, and of a training of its own."""
    kind = plan.configuration.classes[unit.method]
    if not kind.pooled or plan.is_custom(unit.method):
        return 0.0  # nobody knows
    engine = "own" if issubclass(kind, TrainedMethod) else plan.configuration.engine
    method = cast(PooledMethod, plan.method(unit, workspace.store))
    pool, own = method.pool, method.trajectory
    members = method.member_slice if isinstance(method, MemberMethod) else slice(0, 1)
    what = "dropout pass" if "dropout" in kind.needs else "forward"
    cost = images * (members.stop - members.start) * _network(what, pool.recipe, engine)
    split, stored = plan.split(unit), math.nan
    if own and _has_networks(workspace):
        fingerprint = workspace.images(plan.task, split).fingerprint
        stored = pool.snapshot_seconds(own, unit.replicate, fingerprint)
    if own and math.isnan(stored):
        seen = pool.recipe.epochs * plan.task.images_to_train_with(split)
        cost += seen * _network("training", pool.recipe, engine)
    return cost


def _rest(plan: Plan, workspace: Workspace) -> Iterator[Work]:
    units = [unit for unit in plan.units() if plan.objection(unit) is None]
    for unit in units:
        images, conditions = _images(plan, unit), len(plan.conditions_of(unit))
        members = (unit.size or 1) if plan.reads(unit) == "logits" else 0
        cost = conditions * MEASURED[0] + images * (MEASURED[1] + members * MEMBER)
        yield MEASURE, "predictions", conditions, cost
    tasks = list(latency_tasks(plan, workspace, None, timed_on(plan)))
    left = len(tasks) - len(timed_earlier(workspace, tasks))
    yield LATENCY, "timings", left, left * TIMED * PRESETS[plan.configuration.preset].limits.seconds
    if plan.recipe.name in (ARTICLE.name, ARTICLE_LOGITS.name):
        from benchmarks.claims.predictor import NETWORKS, trained_networks  # takes a second

        judged = min(NETWORKS, trained_networks(plan))
        yield CLAIMS, "networks", judged, judged * CLAIMED
    yield from _experiments(plan, workspace)
    shown = len({unit.folder for unit in units})
    yield REPORT, "methods", shown, SHOWN[0] + shown * SHOWN[1]


def _experiments(plan: Plan, workspace: Workspace) -> Iterator[Work]:
    """Each part trains as many networks as a replicate of all methods."""
    if not plan.configuration.shares:
        return
    from benchmarks.epistemic.stage import folder_of, pieces_of  # takes a second

    chosen, kinds = plan.configuration, plan.configuration.classes.values()
    seen = plan.recipe.epochs * plan.task.images_to_train_with(plan.recipe.split)
    own = sum(issubclass(kind, TrainedMethod) for kind in kinds)
    cost = own * _network("training", plan.recipe, "own")
    networks = len(plan.networks()) / chosen.replicates
    cost += networks * _network("training", plan.recipe, chosen.engine)
    folder = folder_of(plan, workspace)
    left = sum(not (folder / piece.file).exists() for piece in pieces_of(plan))
    yield EXPERIMENTS, "parts", left, left * seen * cost


def show_expected(plan: Plan, workspace: Workspace) -> None:
    """Print what the run, or what is left of it, will take."""
    plan.require_affordable()
    table, jobs = expected(plan, workspace), workspace.jobs
    whole = float(table["seconds"].sum())
    minutes = whole / 60 / jobs
    time = f"{minutes:.0f} minutes" if minutes < 100 else f"{minutes / 60:.1f} hours"
    total = "all", f"{time} on {jobs} cores", "", round(whole)
    rows = table.round().astype({"seconds": int}).itertuples(index=False)
    print_table(("stage", "what", "count", "CPU seconds"), [*rows, total])
