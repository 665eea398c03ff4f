"""The stage `predict`: write the prediction files, and the images that figures show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any, cast

from torch import Tensor

from benchmarks.data.files import Unavailable
from benchmarks.io import NotWrittenError, UserError, objection_to
from benchmarks.predictions import WRITTEN_AFTER, RunUnit, StoredPrediction
from benchmarks.run.configuration import SLOW, stored_scores
from benchmarks.run.custom_method import ProcessEndedError, in_own_process
from benchmarks.run.derived import DerivedValues, sources
from benchmarks.run.measure import forget_finished
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.shown_images import write_shown
from benchmarks.run.workspace import Failure, Workspace, error_path, fitted, note_failure, seed_call
from benchmarks.tasks import Task
from benchmarks.vocabulary import PREDICT
from methods import MemberMethod, Prediction, UncertaintyMethod
from methods.contract import ContractError, check_prediction
from methods.determinism import one_torch_thread
from methods.networks.pool import NotStoredError
from methods.scores import SCORES

Group = tuple[RunUnit, ...]
"""Run units whose members are among those of the first; see `Plan.groups`."""

NO_FAILURES = (UserError, Unavailable, NotStoredError, NotWrittenError, KeyboardInterrupt)
"""What is no failure of the method that was at work: the run stops, and goes on later."""


def predict(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Write missing prediction files, and of a whole run the images that figures show.

    A method is fitted once for all conditions, and each member predicts once for its group.
    """
    record.note_data(find_data(plan, workspace))
    unavailable = record.unavailable
    pending = pending_groups(plan, workspace, unavailable)
    # The longest first: it cannot be split, and one worker would wait for the other.
    pending.sort(key=lambda group: group[0].method not in SLOW)
    if pending:
        forget_finished(workspace.out)
        _require_disjoint(plan.task, workspace)
    work = partial(_predict, plan, unavailable=tuple(unavailable))
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
        {sha256(one.tobytes()).digest() for one in workspace.images(task, split).images.numpy()}
        for split in ("all", "test")
    )
    if shared := len(trained_on & tested_on):
        raise UserError(
            f"{shared:,} test images of {task.label} are also training images; leave these out of "
            "one of the two"
        )


def pending_groups(plan: Plan, workspace: Workspace, unavailable: Collection[str]) -> list[Group]:
    """The groups of which a prediction is not there yet, although its images can be had."""
    is_pending = partial(_is_pending, plan, workspace, unavailable, sources(plan))
    return [group for group in plan.groups() if any(map(is_pending, group))]


def _is_pending(
    plan: Plan,
    workspace: Workspace,
    unavailable: Collection[str],
    computed_by: Mapping[str, int],
    unit: RunUnit,
) -> bool:
    if plan.objection(unit) is not None:
        return False
    wanted = {condition.name for condition in plan.predicted(unit)} - {*unavailable}
    return not wanted <= workspace.predictions.complete(unit, computed_by)


def _predict(
    plan: Plan,
    workspace: Workspace,
    group: Group,
    *,
    unavailable: tuple[str, ...],
) -> list[Failure]:
    """Predict a group; if that fails, each of its units alone, since not all need all members."""
    predict_one = partial(predict_group, plan, workspace, unavailable)
    if plan.is_custom(group[0].method):
        predict_one = partial(_predict_apart, workspace, predict_one)
    failures = predict_one(group)
    if failures and len(group) > 1:
        alone = [predict_one((unit,)) for unit in group]
        failures = list(chain.from_iterable(alone))
    return failures


def _predict_apart(
    workspace: Workspace, predict_one: Callable[[Group], list[Failure]], group: Group
) -> list[Failure]:
    """Predict a custom method's group in a process of its own, whose end is its failure alone."""
    try:
        return in_own_process(partial(predict_one, group))
    except ProcessEndedError as error:
        return [note_failure(workspace, unit, error) for unit in group]


@one_torch_thread()
def predict_group(
    plan: Plan,
    workspace: Workspace,
    unavailable: Collection[str],
    group: Group,
) -> list[Failure]:
    """Write a group's prediction files that are not there yet, but for those of some conditions.

    Returns:
        Each unit of the group with the reason, where a method has failed.
    """
    largest, store, computed_by = group[0], workspace.predictions, sources(plan)
    complete = {unit: store.complete(unit, computed_by) for unit in group}
    latest: dict[RunUnit, StoredPrediction] = {}
    # A custom method may end its process, and with it what waits to be written.
    after = 0 if plan.is_custom(largest.method) else WRITTEN_AFTER
    try:
        method = fitted(plan, workspace, largest)
        training = partial(workspace.images, plan.task, plan.split(largest))
        scores = stored_scores(plan.configuration)
        derived = DerivedValues(method, scores, training, computed_by)
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
                for unit, of_unit, prediction in predictions:
                    check_prediction(prediction, len(evaluated.images))
                    other = latest.get(unit) or store.load_if_there(unit, condition.reference)
                    _require_comparable(plan.task, of_unit, prediction, other)
                    found = derived.scores(prediction, evaluated.fingerprint, images, of_unit)
                    latest[unit] = StoredPrediction(
                        replace(prediction, scores={**prediction.scores, **found.values}),
                        evaluated.labels,
                        derived.metrics(prediction),
                        computed_by,
                        found.reasons,
                    )
                    save(unit, condition.name, latest[unit])
    except NO_FAILURES:
        raise
    # Whatever a method raises is its own failure: it is reported, and the others continue.
    except BaseException as error:
        return [note_failure(workspace, unit, error) for unit in group]
    for unit in group:
        error_path(workspace.out, unit).unlink(missing_ok=True)
    return []


def _shared_predictions(
    plan: Plan, method: MemberMethod, units: list[RunUnit], images: Tensor
) -> Iterator[tuple[RunUnit, UncertaintyMethod, Prediction]]:
    """The methods and predictions of units whose members are all the given method's."""
    logits = method.member_logits(images)
    for unit in units:
        of_unit = cast(MemberMethod, plan.method(unit))
        yield unit, of_unit, Prediction.of_logits(logits[of_unit.slice_of(method)])


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
    of_other = set(other.prediction.scores) - SCORES.keys() if other else own
    if own != of_other:
        raise ContractError(
            f"scores must be the same for all images: {sorted(own)} here, {sorted(of_other)} for "
            "others"
        )
