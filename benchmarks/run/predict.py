"""The stage `predict`: write the prediction files, and the images that figures show."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from benchmarks.data.files import Unavailable
from benchmarks.io import NotWrittenError, UserError, objection_to
from benchmarks.predictions import Owner, PoolNetwork, RunUnit, StoredOutputs, StoredPrediction
from benchmarks.progress import announce
from benchmarks.run.configuration import feature_scores
from benchmarks.run.custom_method import ProcessEndedError, in_own_process
from benchmarks.run.derived import fit_scores, score_values, sources, with_member_scores
from benchmarks.run.plan import Plan, PredictedTogether
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Failure, Workspace, seed_call
from benchmarks.tasks import Task
from benchmarks.tasks.task import Condition, EvaluationSet
from benchmarks.vocabulary import PREDICT
from methods import MemberMethod, PooledMethod, Prediction
from methods.contract import ContractError, check_prediction
from methods.determinism import one_torch_thread
from methods.networks.pool import NotStoredError
from methods.pooled import require_features
from methods.scores import SCORES, Score, member_scores
from methods.scores.score import ScoreFunction

Missing = dict[Condition, list[Owner]]
"""Owners of the files that are missing, by condition."""

Predicted = tuple[Owner, Condition, StoredPrediction | StoredOutputs]
"""What is to be written, and where."""

NO_FAILURES = (UserError, Unavailable, NotStoredError, NotWrittenError, KeyboardInterrupt)
"""What is no failure of the method that was at work: the run stops, and goes on later."""


def predict(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Write missing prediction files, and of a whole run the images that figures show.

    A method is fitted once for all conditions, and each network predicts once for all units that
    read its outputs, as each member does for its group.
    """
    from benchmarks.run.shown_images import write_shown  # imports metrics, and Numba with them

    record.note_data(find_data(plan, workspace))
    unavailable = tuple(record.unavailable)
    pending = pending_groups(plan, workspace, unavailable)
    # The longest first: it cannot be split, and one worker would wait for the other.
    classes = plan.configuration.classes
    pending.sort(
        key=lambda group: isinstance(group[0], PoolNetwork) or not classes[group[0].method].slow
    )
    if pending:
        _require_disjoint(plan.task, workspace)
    else:
        announce(PREDICT, "nothing to do: no prediction is missing")
    work = partial(_predict, plan, unavailable)
    done = workspace.in_parallel(
        work, pending, stage=PREDICT, what="predictions", threads=plan.in_threads
    )
    write_shown(plan, workspace, unavailable)
    return [*chain.from_iterable(done), *_failures_of_formed(plan, workspace)]


def find_data(plan: Plan, workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Load each condition's images once, before workers do: what they are, or why there are none.

    Of each its fingerprint and its number.
    """
    splits = {split: workspace.images(plan.task, split) for split in plan.splits}
    data: dict[str, dict[str, Any]] = {
        split: {"fingerprint": images.fingerprint, "images": len(images.labels)}
        for split, images in splits.items()
    }
    for condition in plan.conditions:
        try:
            evaluated = workspace.evaluation_set(condition, plan)
            count = len(evaluated.images)
            data[condition.name] = {"fingerprint": evaluated.fingerprint, "images": count}
        except Unavailable as error:
            data[condition.name] = {"unavailable": str(error)}
    return data


def _require_disjoint(task: Task, workspace: Workspace) -> None:
    """No test image is also a training image.

    Raises:
        UserError: some are.
    """
    trained_on, tested_on = (
        {sha256(image.tobytes()).digest() for image in workspace.images(task, split).images.numpy()}
        for split in ("all", "test")
    )
    if shared := len(trained_on & tested_on):
        raise UserError(
            f"{shared:,} test images of {task.label} are also training images; leave these out of "
            "one of the two"
        )


def pending_groups(
    plan: Plan, workspace: Workspace, unavailable: Collection[str]
) -> list[PredictedTogether]:
    """The groups of which something is not there yet, although its images can be had."""
    missing = {group: _missing(plan, workspace, unavailable, group) for group in plan.groups()}
    return [group for group, owners in missing.items() if any(owners.values())]


def _missing(
    plan: Plan, workspace: Workspace, unavailable: Collection[str], group: PredictedTogether
) -> Missing:
    """Owners of a group's missing files, by condition, references first."""
    store = workspace.predictions
    complete = {owner: store.complete(owner, sources(plan, owner)) for owner in group}
    return {
        condition: [owner for owner, names in complete.items() if condition.name not in names]
        for condition in plan.predicted(group[0])
        if condition.name not in unavailable
    }


def _predict(
    plan: Plan, unavailable: Collection[str], workspace: Workspace, group: PredictedTogether
) -> list[Failure]:
    """Predict a group; if that fails, each of it alone, since not all need all members.

    A custom method does so in a process of its own, whose end is its failure alone.
    """

    is_custom = isinstance(group[0], RunUnit) and plan.is_custom(group[0].method)

    def failures_of(owners: PredictedTogether) -> list[Failure]:
        work = partial(_predict_together, plan, unavailable, workspace, owners)
        try:
            return in_own_process(work) if is_custom else work()
        except ProcessEndedError as error:
            return [workspace.note_failure(owner, error) for owner in owners]

    failures = failures_of(group)
    if failures and len(group) > 1:
        failures = [failure for owner in group for failure in failures_of((owner,))]
    return failures


@one_torch_thread()
def _predict_together(
    plan: Plan, unavailable: Collection[str], workspace: Workspace, group: PredictedTogether
) -> list[Failure]:
    """Write what is missing of a group; where a method or a network fails, each has the reason."""
    try:
        missing = _missing(plan, workspace, unavailable, group)
        for owner, condition, stored in _Predictions(plan, workspace, missing).of(group):
            workspace.predictions.save(owner, condition.name, stored)
    except NO_FAILURES:
        raise
    # Whatever a method raises is its own failure: it is reported, and the others continue.
    except BaseException as error:
        return [workspace.note_failure(owner, error) for owner in group]
    for owner in group:
        workspace.error_path(owner).unlink(missing_ok=True)
    return []


def _failures_of_formed(plan: Plan, workspace: Workspace) -> list[Failure]:
    """The units that cannot be formed, since one of their networks failed."""
    failures = []
    for unit in plan.units():
        if plan.reads(unit) != "logits":
            continue
        own = workspace.error_path(unit)
        own.unlink(missing_ok=True)
        paths = (workspace.error_path(network) for network in plan.networks_of(unit))
        if error := next(filter(Path.exists, paths), None):
            shutil.copy(error, own)
            failures.append(Failure(unit.name, workspace.failure_reason(unit)))
    return failures


class _Predictions:
    """What is missing of the files of a group."""

    def __init__(self, plan: Plan, workspace: Workspace, missing: Missing) -> None:
        self._plan, self._workspace, self._missing = plan, workspace, missing
        self._latest: dict[RunUnit, StoredPrediction] = {}

    def of(self, group: PredictedTogether) -> Iterator[Predicted]:
        """Condition by condition."""
        first, units = group[0], [owner for owner in group if isinstance(owner, RunUnit)]
        if isinstance(first, PoolNetwork):
            return self._network_predictions(first, units)
        return self._shared_predictions(units) if len(units) > 1 else self._unit_predictions(*units)

    def _network_predictions(
        self, network: PoolNetwork, units: Sequence[RunUnit]
    ) -> Iterator[Predicted]:
        """The outputs of a network, and the predictions of units that read its features."""
        plan, incomplete = self._plan, set(chain.from_iterable(self._missing.values()))
        pool = plan.pool(network.training, self._workspace.store)
        computed_by = sources(plan, network)
        training = self._workspace.training_images(plan, network.training)
        trained = pool.networks([network.number], training)
        prepared = pool.engine.prepare(trained)
        scores, fits = dict[str, Score](), dict[str, ScoreFunction | str]()
        if network in plan.scored_networks & incomplete:
            scores = feature_scores(plan.configuration)
        methods = {u: cast(PooledMethod, plan.method(u)) for u in units if u in incomplete}
        if scores or methods:
            outputs = prepared.outputs(training.images)
            (features,) = require_features(outputs)
            fits = fit_scores(scores, features, training.labels, trained[0])
            for method in methods.values():
                method.fitted = trained
                method.fit_outputs(outputs, training.labels)
                if "calibration" in method.needs and (held_out := plan.task.calibration):
                    images = self._workspace.evaluation_set(held_out, plan)
                    outputs_there = prepared.outputs(images.images)
                    method.calibrate_outputs(outputs_there, cast(Tensor, images.labels))
        for condition, owners in self._missing.items():
            if not owners:
                continue
            evaluated = self._workspace.evaluation_set(condition, plan)
            outputs = prepared.outputs(evaluated.images)
            (logits,), (features,) = outputs.logits, require_features(outputs)
            for owner in owners:
                if isinstance(owner, RunUnit):
                    prediction = methods[owner].predict_outputs(outputs)
                    yield owner, condition, self._stored(owner, prediction, condition, evaluated)
                    continue
                if not logits.isfinite().all():
                    raise ContractError("the logits are not finite")
                own = score_values(fits, features)
                stored = StoredOutputs(
                    *(logits, evaluated.labels, own[0], computed_by, own[1]),
                    groups=evaluated.groups,
                )
                yield owner, condition, stored

    def _shared_predictions(self, units: Sequence[RunUnit]) -> Iterator[Predicted]:
        """The predictions of units whose members are all among those of the first."""
        plan, incomplete = self._plan, set(chain.from_iterable(self._missing.values()))
        largest = cast(MemberMethod, self._workspace.fitted(plan, units[0]))
        methods = {u: cast(MemberMethod, plan.method(u)) for u in units if u in incomplete}
        held_out, calibrating = plan.calibration_of(units[0]), set[Condition | None]()
        if any(method.learns_when_calibrated() for method in methods.values()):
            calibrating = {held_out}
        for condition in sorted(self._missing, key=lambda other: other != held_out):
            if not (self._missing[condition] or condition in calibrating):
                continue
            evaluated = self._workspace.evaluation_set(condition, plan)
            seed_call(largest, "predict")
            logits = largest.member_logits(evaluated.images.clone())
            for unit, method in methods.items():
                own = logits[method.slice_of(largest)]
                if condition in calibrating:
                    method.calibrate_members(own, cast(Tensor, evaluated.labels))
                if unit in self._missing[condition]:
                    stored = self._stored(unit, method.form(own), condition, evaluated)
                    yield unit, condition, stored

    def _unit_predictions(self, unit: RunUnit) -> Iterator[Predicted]:
        """The predictions of a unit alone."""
        method = self._workspace.fitted(self._plan, unit)
        for condition, owners in self._missing.items():
            if owners:
                evaluated = self._workspace.evaluation_set(condition, self._plan)
                seed_call(method, "predict")
                # A copy: a method that changes its images must not change the others'.
                prediction = method.predict(evaluated.images.clone())
                yield unit, condition, self._stored(unit, prediction, condition, evaluated)

    def _stored(
        self, unit: RunUnit, prediction: Prediction, condition: Condition, evaluated: EvaluationSet
    ) -> StoredPrediction:
        """What is stored of a prediction, if it is as it should be."""
        plan, store = self._plan, self._workspace.predictions
        check_prediction(prediction, len(evaluated.images))
        other = self._latest.get(unit)
        if other is None and condition.name != condition.reference:
            other = store.load_if_there(unit, condition.reference)
        _require_comparable(plan, unit, prediction, other)
        computed_by = sources(plan, unit)
        scored = with_member_scores(prediction, evaluated.labels, member_scores(), computed_by)
        stored = replace(scored, groups=evaluated.groups)
        self._latest[unit] = stored
        return stored


def _require_comparable(
    plan: Plan, unit: RunUnit, prediction: Prediction, other: StoredPrediction | None
) -> None:
    """What metrics need beyond the contract: the task's classes, the same scores for all images."""
    task = plan.task
    if (classes := prediction.mean.shape[1]) != len(task.classes):
        raise ContractError(
            f"{task.label} has {len(task.classes)} classes; the prediction has {classes}"
        )
    if taken := SCORES.keys() & prediction.scores.keys():
        raise ContractError(f"a method's own scores need names of their own, not {min(taken)!r}")
    own = set(prediction.scores)
    for name in own:
        # Figures of a score are files of its name.
        objection = "holds a slash; leave it out" if {*"/\\"} & {*name} else objection_to(name)
        if objection:
            raise ContractError(f"the name of the score {name!r} {objection}")
    primary = plan.configuration.classes[unit.method].primary_score
    if primary not in SCORES.keys() | own:
        known = ", ".join((*SCORES, *sorted(own)))
        raise ContractError(f"there is no primary_score {primary!r}; choose from {known}")
    elsewhere = set(other.prediction.scores) - SCORES.keys() if other else own
    if own != elsewhere:
        raise ContractError(
            f"scores must be the same for all images: {sorted(own)} here, {sorted(elsewhere)} for "
            "others"
        )
