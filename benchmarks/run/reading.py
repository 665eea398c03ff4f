"""The one way by which stages read what a run unit predicts.

A unit that reads logits has no file: its prediction is formed from its networks' when it is read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from benchmarks.predictions import (
    THE_RUN,
    PoolNetwork,
    RunUnit,
    Stamp,
    StoredOutputs,
    StoredPrediction,
    UnusableFileError,
)
from benchmarks.run.configuration import feature_scores
from benchmarks.run.derived import with_member_scores
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods import PooledMethod
from methods.engines.base import NetworkOutputs
from methods.scores import member_scores

OF_ONE = "scores of features are of one network of the pool"
"""Why other methods of the pool have none."""

MOST_BYTES = 2**28
"""Bytes of networks' logits that a process keeps: as many as measures of a mean go through network
by network, 100 networks under 26 conditions of 2,500 images."""


class OtherRunError(UnusableFileError):
    """A prediction file is of a run by another configuration."""


def read_prediction(
    plan: Plan, workspace: Workspace, unit: RunUnit, condition: str
) -> StoredPrediction | None:
    """A unit's prediction under a condition, if there is one.

    Raises:
        OtherRunError: it was predicted by another run.
        UnusableFileError: it is damaged.
    """
    stored = None
    # Its own file comes last: of a unit that reads logits it is what claims have predicted.
    if _is_formed(plan, workspace, unit, condition):
        stored = _formed(plan, workspace, unit, condition)
    elif (own := workspace.predictions.load_if_there(unit, condition)) is not None:
        _require_of_run(plan, workspace.predictions.path(unit, condition), own.sources)
        stored = own
    if stored is None or unit.method not in plan.configuration.classes:
        return stored
    return _with_feature_scores(plan, workspace, unit, condition, stored)


def predicted_conditions(plan: Plan, workspace: Workspace, unit: RunUnit) -> Collection[str]:
    """The conditions of which `read_prediction` has the unit's prediction; nothing is read."""
    store, networks = workspace.predictions, plan.networks_of(unit)
    stored = store.conditions(networks[0]) if networks else []
    return {*store.conditions(unit), *(c for c in stored if _is_formed(plan, workspace, unit, c))}


def _is_formed(plan: Plan, workspace: Workspace, unit: RunUnit, condition: str) -> bool:
    """Whether the unit's prediction can be formed from its networks' logits."""
    networks = plan.networks_of(unit)
    if not networks or plan.reads(unit) != "logits":
        return False
    needed = {condition, _calibrated_with(plan, unit) or condition}
    paths = (workspace.predictions.path(n, each) for n in networks for each in needed)
    return all(map(Path.exists, paths))


def _calibrated_with(plan: Plan, unit: RunUnit) -> str | None:
    """The condition whose images the unit's method needs to be calibrated, if it does."""
    needs = plan.configuration.classes[unit.method].needs
    held_out = plan.calibration_of(unit)
    return held_out.name if held_out is not None and "calibration" in needs else None


def _formed(plan: Plan, workspace: Workspace, unit: RunUnit, condition: str) -> StoredPrediction:
    """A unit's prediction, formed from the logits of its networks."""
    held_out, networks = _calibrated_with(plan, unit), plan.networks_of(unit)
    stamps = tuple(workspace.predictions.stamp(n, held_out) for n in networks if held_out)
    outputs, first = _logits(plan, workspace, unit, condition)
    prediction = _ready(plan, workspace, unit, stamps).predict_outputs(outputs)
    formed = with_member_scores(prediction, first.labels, member_scores(), first.sources)
    return replace(formed, machine=first.machine, groups=first.groups)


@lru_cache(maxsize=1024)
def _ready(
    plan: Plan, workspace: Workspace, unit: RunUnit, stamps: tuple[Stamp | None, ...]
) -> PooledMethod:
    """The unit's method, calibrated once a process with its networks' logits of these stamps."""
    method = cast(PooledMethod, plan.method(unit))
    held_out = _calibrated_with(plan, unit)
    if held_out is not None:
        outputs, first = _logits(plan, workspace, unit, held_out)
        method.calibrate_outputs(outputs, cast(Tensor, first.labels))
    return method


def _logits(
    plan: Plan, workspace: Workspace, unit: RunUnit, condition: str
) -> tuple[NetworkOutputs, StoredOutputs]:
    """The logits of all networks of a unit, and what is stored of the first."""
    every = [_outputs(plan, workspace, n, condition) for n in plan.networks_of(unit)]
    return NetworkOutputs(torch.stack([stored.logits for stored in every])), every[0]


_kept: OrderedDict[tuple[Path, str, PoolNetwork], tuple[Stamp | None, StoredOutputs]]
_kept = OrderedDict()  # the last used comes last


def _outputs(
    plan: Plan, workspace: Workspace, network: PoolNetwork, condition: str
) -> StoredOutputs:
    """The stored outputs of a network, which are kept while there is room for them."""
    store = workspace.predictions
    stamp, key = store.stamp(network, condition), (store.folder, condition, network)
    known, outputs = _kept.pop(key, (None, None))
    if outputs is None or known != stamp:
        outputs = store.load_outputs(network, condition)
        while sum(other.logits.nbytes for _, other in _kept.values()) > MOST_BYTES:
            _kept.popitem(last=False)
    _kept[key] = stamp, outputs
    _require_of_run(plan, store.path(network, condition), outputs.sources)
    return outputs


def _require_of_run(plan: Plan, path: Path, sources: Mapping[str, int]) -> None:
    digest = plan.configuration.digest
    if sources.get(THE_RUN, digest) != digest:
        raise OtherRunError(
            f"the prediction file {path} is of another run; the stage predict computes it again"
        )


def _with_feature_scores(
    plan: Plan, workspace: Workspace, unit: RunUnit, condition: str, stored: StoredPrediction
) -> StoredPrediction:
    """Prediction with the scores of its network's features; where there are none, NaN and why."""
    names = feature_scores(plan.configuration).keys() - stored.prediction.scores.keys()
    network = plan.scored_network(unit)
    scores: Mapping[str, Tensor] = {}
    if network is None:
        reasons = dict.fromkeys(names, OF_ONE) if plan.is_pooled(unit) else {}
    elif workspace.predictions.path(network, condition).exists():
        outputs = _outputs(plan, workspace, network, condition)
        scores, reasons = outputs.scores, dict(outputs.reasons)
    else:
        reasons = dict.fromkeys(names, workspace.failure_reason(network))
    prediction = stored.prediction
    absent = torch.full_like(prediction.expected_entropy, torch.nan)
    own = {name: scores[name].double() if name in scores else absent for name in sorted(names)}
    together = replace(prediction, scores={**prediction.scores, **own})
    return replace(stored, prediction=together, reasons={**stored.reasons, **reasons})
