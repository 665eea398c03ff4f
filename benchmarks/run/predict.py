"""The stage `predict`: write the prediction files, and the images that figures show."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any, cast

from torch import Tensor

from benchmarks.data.files import Unavailable
from benchmarks.io import NotWrittenError, UserError, objection_to
from benchmarks.predictions import WRITTEN_AFTER, RunUnit, StoredPrediction
from benchmarks.progress import announce
from benchmarks.run.configuration import SLOW, stored_scores
from benchmarks.run.custom_method import ProcessEndedError, in_own_process
from benchmarks.run.derived import DerivedValues, sources
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.shown_images import write_shown
from benchmarks.run.workspace import Failure, Workspace, seed_call
from benchmarks.tasks import Task
from benchmarks.vocabulary import FINISHED_FOLDER, PREDICT
from methods import MemberMethod, Prediction, UncertaintyMethod
from methods.contract import ContractError, check_prediction
from methods.determinism import one_torch_thread
from methods.networks.pool import NotStoredError
from methods.scores import SCORES

UnitGroup = tuple[RunUnit, ...]
"""Run units whose members are among those of the first; see `Plan.groups`."""

NO_FAILURES = (UserError, Unavailable, NotStoredError, NotWrittenError, KeyboardInterrupt)
"""What is no failure of the method that was at work: the run stops, and goes on later."""


def predict(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Write missing prediction files, and of a whole run the images that figures show.

    A method is fitted once for all conditions, and each member predicts once for its group.
    """
    record.note_data(find_data(plan, workspace))
    unavailable = tuple(record.unavailable)
    pending = pending_groups(plan, workspace, unavailable)
    # The longest first: it cannot be split, and one worker would wait for the other.
    pending.sort(key=lambda group: group[0].method not in SLOW)
    if pending:
        # What was measured of earlier predictions.
        shutil.rmtree(workspace.out / FINISHED_FOLDER, ignore_errors=True)
        _require_disjoint(plan.task, workspace)
    else:
        announce(PREDICT, "nothing to do: no prediction is missing")
    work = partial(_predict, plan, unavailable)
    done = workspace.in_parallel(
        work, pending, stage=PREDICT, what="groups", threads=plan.in_threads
    )
    if plan.shard is None:
        write_shown(plan, workspace, unavailable)
    return list(chain.from_iterable(done))


def find_data(plan: Plan, workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Load each condition's images once, before workers do: what they are, or why there are none.

    Of each its fingerprint and its number, and its source where there may be several.
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
            if evaluated.source:
                data[condition.name]["source"] = evaluated.source
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
) -> list[UnitGroup]:
    """The groups of which a prediction is not there yet, although its images can be had."""
    computed_by = sources(plan)

    def is_pending(unit: RunUnit) -> bool:
        if plan.objection(unit) is not None:
            return False
        wanted = {condition.name for condition in plan.predicted(unit)} - {*unavailable}
        return not wanted <= workspace.predictions.complete(unit, computed_by)

    return [group for group in plan.groups() if any(map(is_pending, group))]


def _predict(
    plan: Plan, unavailable: Collection[str], workspace: Workspace, group: UnitGroup
) -> list[Failure]:
    """Predict a group; if that fails, each of its units alone, since not all need all members.

    A custom method does so in a process of its own, whose end is its failure alone.
    """

    def failures_of(units: UnitGroup) -> list[Failure]:
        work = partial(_predict_units, plan, unavailable, workspace, units)
        try:
            return in_own_process(work) if plan.is_custom(units[0].method) else work()
        except ProcessEndedError as error:
            return [workspace.note_failure(unit, error) for unit in units]

    failures = failures_of(group)
    if failures and len(group) > 1:
        failures = [failure for unit in group for failure in failures_of((unit,))]
    return failures


@one_torch_thread()
def _predict_units(
    plan: Plan, unavailable: Collection[str], workspace: Workspace, units: UnitGroup
) -> list[Failure]:
    """Predict units of one group; where their method fails, each with the reason."""
    try:
        _write_predictions(plan, unavailable, workspace, units)
    except NO_FAILURES:
        raise
    # Whatever a method raises is its own failure: it is reported, and the others continue.
    except BaseException as error:
        return [workspace.note_failure(unit, error) for unit in units]
    for unit in units:
        workspace.error_path(unit).unlink(missing_ok=True)
    return []


def _write_predictions(
    plan: Plan, unavailable: Collection[str], workspace: Workspace, group: UnitGroup
) -> None:
    """Write a group's prediction files that are not there yet, but for those of some conditions."""
    largest, store, computed_by = group[0], workspace.predictions, sources(plan)
    complete = {unit: store.complete(unit, computed_by) for unit in group}
    latest: dict[RunUnit, StoredPrediction] = {}
    # A custom method may end its process, and with it what waits to be written.
    after = 0 if plan.is_custom(largest.method) else WRITTEN_AFTER
    method = workspace.fitted(plan, largest)
    training = partial(workspace.images, plan.task, plan.split(largest))
    derived = DerivedValues(method, stored_scores(plan.configuration), training, computed_by)
    with store.saving(after=after) as save:
        for condition in plan.predicted(largest):
            missing = [unit for unit in group if condition.name not in complete[unit]]
            if condition.name in unavailable or not missing:
                continue
            evaluated = workspace.evaluation_set(condition, plan)
            # A copy: a method that changes its images must not change the others'.
            images = evaluated.images.clone()
            seed_call(method, "predict")
            predictions = (
                [(largest, method, method.predict(images))]
                if len(group) == 1
                else _shared_predictions(plan, cast(MemberMethod, method), missing, images)
            )
            for unit, built, prediction in predictions:
                check_prediction(prediction, len(evaluated.images))
                other = latest.get(unit) or store.load_if_there(unit, condition.reference)
                _require_comparable(plan.task, built, prediction, other)
                scores = derived.scores(prediction, evaluated.fingerprint, images, built)
                latest[unit] = StoredPrediction(
                    replace(prediction, scores={**prediction.scores, **scores.values}),
                    evaluated.labels,
                    derived.metrics(prediction),
                    computed_by,
                    scores.reasons,
                )
                save(unit, condition.name, latest[unit])


def _shared_predictions(
    plan: Plan, method: MemberMethod, units: list[RunUnit], images: Tensor
) -> Iterator[tuple[RunUnit, UncertaintyMethod, Prediction]]:
    """The methods and predictions of units whose members are all the given method's."""
    logits = method.member_logits(images)
    for unit in units:
        built = cast(MemberMethod, plan.method(unit))
        yield unit, built, Prediction.of_logits(logits[built.slice_of(method)])


def _require_comparable(
    task: Task,
    method: UncertaintyMethod,
    prediction: Prediction,
    other: StoredPrediction | None,
) -> None:
    """What metrics need beyond the contract: the task's classes, the same scores for all images."""
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
    if (primary := method.primary_score) not in SCORES.keys() | own:
        known = ", ".join((*SCORES, *sorted(own)))
        raise ContractError(f"there is no primary_score {primary!r}; choose from {known}")
    elsewhere = set(other.prediction.scores) - SCORES.keys() if other else own
    if own != elsewhere:
        raise ContractError(
            f"scores must be the same for all images: {sorted(own)} here, {sorted(elsewhere)} for "
            "others"
        )
