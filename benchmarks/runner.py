"""The stages of a run, each resumable, each reading only what the ones before it wrote."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple, cast

import pandas as pd
from torch import Tensor

from benchmarks.claims import write_claims
from benchmarks.conditions import CLEAN, CONDITIONS
from benchmarks.curves import recipes_compared, write_curves
from benchmarks.datasets import Unavailable
from benchmarks.errors import UserError
from benchmarks.evidence import Evidence, comparisons_table, weigh
from benchmarks.explorer import write_explorer
from benchmarks.files import written_whole
from benchmarks.integrity.networks import probe_networks
from benchmarks.integrity.shards import probe_shards, summarise_shards
from benchmarks.kernels import compile_once
from benchmarks.measure import SCORES, measure, without_value
from benchmarks.pictures import write_pictures
from benchmarks.predictions import Cell, Shard
from benchmarks.records import (
    COMPARISONS,
    MEASUREMENTS,
    OWN_RECIPE,
    SUMMARY,
    TRAINING,
    Measurement,
    as_table,
    summarise,
    write_table,
)
from benchmarks.report import write_report
from benchmarks.resampled import CALIBRATION, LABELS, Unit, resample, units
from benchmarks.rotations import mean_over_rotations
from benchmarks.run import Run
from benchmarks.run_record import RunRecord
from benchmarks.side_by_side import side_by_side
from benchmarks.stages import CLAIMS, LATENCY, MEASURE, REPORT
from benchmarks.timing import time_methods
from methods import MemberMethod, Prediction
from methods.contract import ContractError, check_prediction
from methods.network_store import DamagedNetworkError
from methods.threads import one_torch_thread
from methods.training import TrainedNetwork, TrainingDivergedError


class Failure(NamedTuple):
    """What failed, and why in one line."""

    what: str
    reason: str


def run_stages(run: Run, only: str | None = None, *, overwrite: bool = False) -> list[Failure]:
    """Run all stages, or only one, and return what failed; everything else is on disk then.

    Raises:
        UserError: the output folder belongs to another configuration, data are damaged, or there
            is nothing yet to measure.
        IntegrityError: what must hold before anything is scored does not.
    """
    if only == REPORT:
        # Needs nothing but a run's files, so it may be asked of any folder, and changes no record.
        write_report(run.machine.out)
        return []
    if only == MEASURE and not run.shards.folder.exists():
        raise UserError(
            f"there are no predictions in {run.machine.out} yet; run without --only first"
        )
    record = RunRecord.begin(run, overwrite=overwrite)
    if run.configuration.engine == "numba":
        compile_once()
    failures: list[Failure] = []
    for name, stage in STAGES.items():
        if only in (None, name):
            with record.timed(name):
                failures += stage(run, record)
    return failures


def train(run: Run, record: RunRecord) -> list[Failure]:
    """Fill the network store and write the log of each network's training, `training.csv`."""
    wanted = run.networks()
    run.training_images()  # found and verified once, before workers ask for them side by side
    units = _training_units(wanted, together=run.engine.together)
    done = side_by_side(run, _train_some, units, "train", "networks", threads=run.in_threads)
    outcomes = {network: outcome for _, some in done for network, outcome in some.items()}
    rows = [
        {"recipe": recipe, "network": number} | asdict(row)
        for recipe, number in wanted
        if isinstance(trained := outcomes[recipe, number], TrainedNetwork)
        for row in trained.log
    ]
    if rows:
        write_table(pd.DataFrame(rows), run.machine.out / TRAINING)
    return [
        Failure(f"network {number} of {recipe}", str(outcomes[recipe, number]))
        for recipe, number in wanted
        if not isinstance(outcomes[recipe, number], TrainedNetwork)
    ]


def predict(run: Run, record: RunRecord) -> list[Failure]:
    """Write the shards that are not there yet, and `images.npz`.

    A method is fitted once for all its conditions, and cells of one family ask their members once.
    """
    record.note_data(_find_data(run))
    unavailable = _unavailable(record)
    pending = [
        family
        for family in run.families()
        if any(_is_pending(run, cell, unavailable) for cell in family)
    ]
    # The longest first: it cannot be split, and would keep one worker waiting for the other.
    pending.sort(key=lambda family: not run.configuration.entries[family[0].method].exact)
    if pending:
        record.note_integrity("networks", probe_networks(run))
    failures = []
    for threads in (True, False):
        units = [(f, tuple(unavailable)) for f in pending if run.fits_threads(f[0]) is threads]
        outcomes = side_by_side(run, _predict_some, units, "predict", "families", threads=threads)
        failures += [failure for _, some in outcomes for failure in some]
    write_pictures(run, unavailable)
    return failures


def measure_all(run: Run, record: RunRecord) -> list[Failure]:
    """Recompute every number from the shards.

    Writes `measurements.csv`, `summary.csv`, `comparisons.csv` and `curves/`.
    """
    probed = side_by_side(run, probe_shards, run.cells(), "probe", "cells")
    record.note_integrity("predictions", summarise_shards(chain.from_iterable(probed)))
    cells = [(cell, _unavailable(record)) for cell in run.cells()]
    outcomes = side_by_side(run, _measure_one, cells, "measure", "cells")
    table = as_table(chain.from_iterable(rows for _, rows in outcomes))
    own_scores = sorted(set(table["score"]) - SCORES.keys() - {""})
    intervals, comparisons = _weigh_all(run, own_scores)
    table_and_mean = pd.concat([table, mean_over_rotations(table)], ignore_index=True)
    write_table(table, run.machine.out / MEASUREMENTS)
    write_table(summarise(table_and_mean, intervals), run.machine.out / SUMMARY)
    write_table(comparisons_table(comparisons), run.machine.out / COMPARISONS)
    write_curves(run)
    write_explorer(run)
    return []


def latency(run: Run, record: RunRecord) -> list[Failure]:
    """Time every method on every device, `latency.csv`, with nothing else at work beside it."""
    return [Failure(*failed) for failed in time_methods(run, record.trained_on)]


def claims(run: Run, record: RunRecord) -> list[Failure]:
    """Judge the article's claims: `claims.json`, `claims.md`, and in `claims/` their tables."""
    try:
        write_claims(run, _unavailable(record))
    except TrainingDivergedError as error:
        return [Failure("claims", str(error))]
    return []


def report(run: Run, record: RunRecord) -> list[Failure]:
    """Draw every table and figure from what the stages before wrote: `tables/`, `figures/`."""
    write_report(run.machine.out)
    return []


STAGES: dict[str, Callable[[Run, RunRecord], list[Failure]]] = {
    "train": train,
    "predict": predict,
    MEASURE: measure_all,
    LATENCY: latency,
    CLAIMS: claims,
    REPORT: report,
}
"""In the order in which they build on one another."""


def _training_units(
    networks: list[tuple[str, int]], *, together: bool
) -> list[tuple[str, list[int]]]:
    """What a worker trains at a time: one network, or all of a recipe."""
    if not together:
        return [(recipe, [number]) for recipe, number in networks]
    recipes = dict.fromkeys(recipe for recipe, _ in networks)
    return [(name, [number for recipe, number in networks if recipe == name]) for name in recipes]


@one_torch_thread()
def _train_some(
    run: Run, wanted: tuple[str, list[int]]
) -> tuple[tuple[str, list[int]], dict[tuple[str, int], TrainedNetwork | TrainingDivergedError]]:
    recipe, numbers = wanted
    outcomes = run.pool(recipe).train(numbers, run.training_images(), run.test_images())
    return wanted, dict(zip(((recipe, n) for n in numbers), outcomes, strict=True))


@one_torch_thread()
def _predict_some(
    run: Run, wanted: tuple[tuple[Cell, ...], tuple[str, ...]]
) -> tuple[tuple[Cell, ...], list[Failure]]:
    """Predict a family; if that fails, each of its cells alone, since not all need all members."""
    family, unavailable = wanted
    failures = _predict_family(run, family, unavailable)
    if failures and len(family) > 1:
        alone = [_predict_family(run, (cell,), unavailable) for cell in family]
        failures = list(chain.from_iterable(alone))
    return family, failures


def _predict_family(
    run: Run, family: tuple[Cell, ...], unavailable: tuple[str, ...]
) -> list[Failure]:
    largest = family[0]
    try:
        training = run.training_images()
        method = run.method(largest).fit(training.images.clone(), training.labels.clone())
        for condition in run.conditions_of(largest):
            missing = [cell for cell in family if not run.shards.holds(cell, condition.name)]
            if condition.name in unavailable or not missing:
                continue
            judged = run.judged(condition)
            # A copy, as above: what a method does to its images must not reach the others.
            images = judged.images.clone()
            opinions = (
                [(largest, method.predict(images))]
                if len(family) == 1
                else _shared_opinions(run, cast(MemberMethod, method), missing, images)
            )
            for cell, prediction in opinions:
                check_prediction(prediction, len(judged.images))
                _require_comparable(prediction, run.shards.load_if_there(cell, condition.reference))
                run.shards.save(cell, condition.name, Shard(prediction, judged.labels))
    except (UserError, DamagedNetworkError):
        raise
    # Whatever a method raises is its own failure: it is reported, and the others go on.
    except (Exception, SystemExit) as error:
        return [_note_failure(run, cell, error) for cell in family]
    for cell in family:
        _error_path(run, cell).unlink(missing_ok=True)
    return []


def _shared_opinions(
    run: Run, method: MemberMethod, cells: list[Cell], images: Tensor
) -> Iterator[tuple[Cell, Prediction]]:
    """What the cells' methods think of the images, whose members are all the given method's."""
    logits = method.member_logits(images)
    for cell in cells:
        yield cell, Prediction.of_logits(logits[cast(MemberMethod, run.method(cell)).place])


def _note_failure(run: Run, cell: Cell, error: BaseException) -> Failure:
    reason = _without_folders(f"{type(error).__name__}: {error}".splitlines()[0])
    trace = _without_folders("".join(traceback.format_exception(error)))
    with written_whole(_error_path(run, cell)) as temporary:
        temporary.write_text(f"{reason}\n\n{trace}", encoding="utf-8")
    return Failure(cell.name, reason)


@one_torch_thread()
def _measure_one(run: Run, wanted: tuple[Cell, dict[str, str]]) -> tuple[Cell, list[Measurement]]:
    cell, unavailable = wanted
    return cell, list(_rows(run, cell, unavailable))


def _weigh_all(run: Run, own_scores: list[str]) -> Evidence:
    """All intervals and comparisons; methods that train themselves have equal ones by recipe."""
    pending = units(recipes_compared(run), run.conditions, own_scores)
    found = dict(side_by_side(run, _weigh_one, pending, "measure", "resampled parts"))
    return Evidence(
        {key: interval for unit in pending for key, interval in found[unit].intervals.items()},
        [row for unit in pending for row in found[unit].comparisons],
    )


@one_torch_thread()
def _weigh_one(run: Run, unit: Unit) -> tuple[Unit, Evidence]:
    cells = [
        cell
        for cell in run.cells()
        if cell.recipe in (unit.recipe, OWN_RECIPE) and run.objection(cell) is None
    ]
    chosen = run.configuration
    load = partial(_shard_weighed, run, unit.family)
    found = resample(unit, cells, load, resamples=chosen.resamples, seed=chosen.seed)
    return unit, Evidence({}, []) if found is None else weigh(unit, found)


def _shard_weighed(run: Run, family: str, cell: Cell, condition: str) -> Shard | None:
    """Of a size that stands beside no other method, rotations are left out: most of the work.

    But not where their mean tells how many members are enough, by measures that take little time.
    """
    turned = CONDITIONS.get(condition, CONDITIONS[CLEAN])
    judged = turned.averaged and family in (LABELS, CALIBRATION)
    if turned.angle and not judged and not run.is_compared(cell):
        return None
    return run.shards.load_if_there(cell, condition)


def _rows(run: Run, cell: Cell, unavailable: dict[str, str]) -> Iterator[Measurement]:
    objection = run.objection(cell)
    for condition in run.conditions_of(cell):
        shard = run.shards.load_if_there(cell, condition.name)
        reference = run.shards.load_if_there(cell, condition.reference)
        without = partial(without_value, cell, condition, reference)
        if objection is not None:
            yield from without("not applicable", objection)
        elif shard is not None and reference is not None:
            yield from measure(cell, condition, shard, reference)
        elif condition.name in unavailable:
            yield from without("unavailable", unavailable[condition.name])
        else:
            yield from without("failed", _failure_reason(run, cell))


def _is_pending(run: Run, cell: Cell, unavailable: dict[str, str]) -> bool:
    return run.objection(cell) is None and any(
        condition.name not in unavailable and not run.shards.holds(cell, condition.name)
        for condition in run.conditions_of(cell)
    )


def _find_data(run: Run) -> dict[str, dict[str, str]]:
    """Try each condition's data once, before workers ask for them side by side."""
    data = {"training": {"fingerprint": run.training_images().fingerprint}}
    for condition in run.conditions:
        try:
            data[condition.name] = {"fingerprint": run.judged(condition).fingerprint}
        except Unavailable as error:
            data[condition.name] = {"unavailable": str(error)}
    return data


def _unavailable(record: RunRecord) -> dict[str, str]:
    return {
        name: entry["unavailable"] for name, entry in record.data.items() if "unavailable" in entry
    }


def _failure_reason(run: Run, cell: Cell) -> str:
    path = _error_path(run, cell)
    if not path.exists():
        return "not predicted yet"
    return path.read_text(encoding="utf-8").splitlines()[0]


def _require_comparable(prediction: Prediction, reference: Shard | None) -> None:
    """What the measures need beyond the contract: our classes, and scores of one set of names."""
    if (classes := prediction.mean.shape[1]) != 10:
        raise ContractError(f"MNIST has 10 classes; the prediction has {classes}")
    if taken := SCORES.keys() & prediction.scores.keys():
        raise ContractError(f"scores of one's own need names of their own, not {min(taken)!r}")
    if reference and reference.prediction.scores.keys() != prediction.scores.keys():
        raise ContractError(
            f"scores must be the same for all images: {sorted(prediction.scores)} here, "
            f"{sorted(reference.prediction.scores)} for the clean ones"
        )


def _without_folders(text: str) -> str:
    """The text with the file names of absolute paths alone: folders are nobody's business."""
    return re.sub(r"""(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s"'/\\]+[/\\])+""", "", text)


def _error_path(run: Run, cell: Cell) -> Path:
    return run.machine.out / "errors" / f"{cell.name.replace('/', '-')}.txt"
