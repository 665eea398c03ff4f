"""Predictions of others beside the contestants of a run, by what its ``influences/`` keep.

Nothing is trained. Others are measured by the five measures, on all images of the run, and compared
with each contestant image by image. Each is one replicate, of networks of its own: an interval has
what images and the run's networks add, and nothing of how other networks of theirs would differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from pathlib import Path
from statistics import mode
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.inference.evidence import GroupNumbers, HeadlineEvidence, evidence_in
from benchmarks.inference.resampling import Frame
from benchmarks.inference.rule import pair
from benchmarks.intake.checks import (
    LABELS,
    OOD,
    PROBABILITIES,
    ArrayError,
    as_array,
    beginning_with,
    check_labels,
    check_predictions,
)
from benchmarks.intake.formats import arrays_in
from benchmarks.intake.given import (
    PRIMARY_SCORE,
    MeasuredGiven,
    Scored,
    folder_for_scores,
    write_scores,
)
from benchmarks.intake.reading import PredictionsByCondition, blocks_of
from benchmarks.io import UserError, objection_to, read_run_json
from benchmarks.nouns import MethodRecord, Names
from benchmarks.report.results import Results, read_if_there
from benchmarks.run.image_values import ImageValues
from benchmarks.run.measure import answer_table
from benchmarks.schema import read_table
from benchmarks.tasks import TASKS
from benchmarks.tasks.task import Condition, ImageLimits
from benchmarks.vocabulary import CLEAN, INFLUENCES_FOLDER, LATENCY_CSV, RUN_JSON, SUMMARY_CSV
from methods.determinism import one_torch_thread


@dataclass(frozen=True, eq=False)
class RunBeside:
    """What others are compared with: the contestants of the run in a folder.

    Attributes:
        names: its nouns.
        summary: ``summary.csv``.
        evidence: of each measure.
        images: how many each condition of the measures has, ``clean`` first.
        labels, groups: of these images, by the names of conditions.
    """

    folder: Path
    names: Names
    summary: pd.DataFrame
    evidence: Sequence[HeadlineEvidence]
    images: Mapping[Condition, int]
    labels: Mapping[str, Int64[Tensor, " images"]]
    groups: Mapping[str, GroupNumbers]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a run.

        Raises:
            UserError: it has no influences, or they are damaged, or of an unknown task.
        """
        evidence, names = evidence_in(folder), Names.read(folder)
        images: dict[Condition, int] = {}
        labels: dict[str, Int64[Tensor, " images"]] = {}
        groups: dict[str, GroupNumbers] = {}
        try:
            task = TASKS[names.task.name]
            conditions = {each.name: each for each in (*task.conditions, *task.subset_conditions)}
            for each in evidence:
                sizes = each.drawn.shown
                frame = Frame(sizes, conditions, resamples=0, seed=0)
                if len(frame.groups) != len(each.groups):
                    raise ValueError(f"{each.measure.name} is of other images")
                images |= {conditions[name]: size for name, size in sizes.items()}
                groups |= {name: each.groups[frame.places[name]] for name in sizes}
                if len(each.drawn.labels):
                    labels |= dict.fromkeys(sizes, torch.from_numpy(each.drawn.labels))
            for condition, count in images.items():
                if condition.labelled and len(labels[condition.name]) != count:
                    raise ValueError(f"{condition.name} has other labels")
        except (KeyError, ValueError) as error:
            raise UserError(
                f"--beside {folder}: {INFLUENCES_FOLDER}/ is damaged, or of an unknown task "
                f"({error}); fetch it again, or make it by the stage measure"
            ) from error
        return cls(folder, names, read_table(folder, SUMMARY_CSV), evidence, images, labels, groups)

    def names_with(self, methods: Iterable[str]) -> Names:
        """The run's nouns, of metrics the five, with methods of others by their names.

        Raises:
            UserError: a method of the run has such a name, or none can be printed.
        """
        own = tuple(MethodRecord(name, name, primary_score=PRIMARY_SCORE) for name in methods)
        known = set(self.summary["method"])
        for record in own:
            if objection := objection_to(record.name):
                raise UserError(f"the name of the method {record.name!r} {objection}")
            if record.name in known:
                raise UserError(f"{record.name!r} is a method of {self.folder}; rename yours")
        names = {record.name for record in own}
        others = (record for record in self.names.methods if record.name not in names)
        metrics = (self.names.metric(each.measure.metric) for each in self.evidence)
        return replace(self.names, methods=(*others, *own), metrics=tuple(metrics))

    def predictions(
        self, arrays: Mapping[str, Any], *, from_logits: bool = False
    ) -> PredictionsByCondition:
        """What the measures need of another method's predictions, by condition.

        Args:
            arrays: by the names of conditions, ``probabilities`` for ``clean`` and ``ood_<name>``
                for ``ood-<name>``; maybe the ``labels`` of ``clean``, to compare them.

        Raises:
            UserError: an array is unknown or malformed, or is of other images.
        """
        given = {name: as_array(values, name) for name, values in arrays.items()}
        if (labels := given.pop(LABELS, None)) is not None:
            check_labels(labels, len(self.names.task.classes))
            if not np.array_equal(labels, self.labels[CLEAN].numpy()):
                raise ArrayError(
                    LABELS,
                    "are not those of the run's test images; put the predictions into the order of "
                    "benchmarks.api.images_beside, or leave the labels out",
                )
        # Also by the names of files that are scored alone.
        names = [CLEAN if n == PROBABILITIES else re.sub(f"^{OOD}", "ood-", n) for n in given]
        known = {condition.name: condition for condition in self.images}
        if CLEAN not in names or not {*names} <= known.keys() or len({*names}) < len(names):
            raise UserError(
                f"there are predictions of {', '.join(names) or 'no images'}; expected them of "
                f"{CLEAN} at least, and once each, of the images that benchmarks.api.images_beside "
                f"gives: {', '.join(known)}"
            )
        conditions = {name: known[own] for name, own in zip(given, names, strict=True)}
        images = {name: self.images[condition] for name, condition in conditions.items()}
        check_predictions(given, images, len(self.names.task.classes))
        return {
            own: ImageValues(
                blocks_of(name, given[name], self.labels.get(own.name), from_logits=from_logits)
            )
            for name, own in conditions.items()
        }


def images_beside(
    folder: Path, data_dir: Path | None = None
) -> dict[str, Float[Tensor, "images channels height width"]]:
    """The images whose predictions are scored beside a run's, by condition, ``clean`` first.

    Raises:
        UserError: see `RunBeside.read`; or there is no ``run.json``.
        benchmarks.data.files.Unavailable: a data set cannot be had.
    """
    run = RunBeside.read(folder)
    if not (chosen := read_run_json(folder).get("configuration")):
        raise UserError(f"--beside {folder}: there is no {RUN_JSON}, which says which images")
    how: dict[str, Any] = {"seed": chosen["seed"], "data_dir": data_dir}
    limits = ImageLimits(chosen["images"], chosen["severity_images"])
    task = TASKS[run.names.task.name]
    return {
        condition.name: task.evaluation_set(condition, limits, **how).images
        for condition in run.images
    }


@one_torch_thread()
def score_beside(
    folder: Path,
    given: Mapping[str, Path | Mapping[str, Any]],
    out: Path | None = None,
    *,
    from_logits: bool = False,
) -> Scored:
    """The five measures of a run's contestants and of others, and how others differ from each.

    Args:
        given: by the names of other methods, arrays as `RunBeside.predictions` takes them, or a
            file of these.
        out: a folder for what a run writes, as of `benchmarks.intake.given.score`.

    Raises:
        UserError: a folder, a name, a file or an array cannot be used.
    """
    run = RunBeside.read(folder)
    names, target = run.names_with(given), None if out is None else folder_for_scores(out)
    predictions, digests = {}, {}
    for name, own in given.items():
        with beginning_with(own if isinstance(own, Path) else repr(name)):
            arrays = arrays_in(own) if isinstance(own, Path) else own
            predictions[name] = run.predictions(arrays, from_logits=from_logits)
        digests[name] = sha256(own.read_bytes()).hexdigest() if isinstance(own, Path) else ""
    metrics = {each.measure.metric for each in run.evidence}
    # Without resamples: of these metrics all influences are known.
    measured = MeasuredGiven(predictions, run.images, groups=run.groups, metrics=metrics)
    tables = measured.tables
    committed = run.summary[run.summary["metric"].isin(metrics)]
    newcomers = {each.measure: each for each in measured.evidence}
    evidence = [_together(each, newcomers.get(each.measure)) for each in run.evidence]
    results = Results(
        pd.concat([committed, tables["summary"].assign(task=names.task.name)], ignore_index=True),
        names,
        answer_table(evidence, names),
        latency=read_if_there(folder, LATENCY_CSV),
    )
    differences = pd.DataFrame(
        {"method": mine.method}
        | {f"other_{name}": value for name, value in theirs._asdict().items()}
        | pair(each, names, mine, theirs)._asdict()
        for each in evidence
        for mine, theirs in product((names.by_primary(c) for c in each.contestants), repeat=2)
        if mine.method in given and theirs.method not in given
    )
    measurements = tables["measurements"].assign(task=names.task.name)
    scored = Scored(results, measurements, differences, pd.DataFrame(), evidence)
    if target is not None:
        write_scores(scored, target, digests)
    return scored


def _together(run: HeadlineEvidence, others: HeadlineEvidence | None) -> HeadlineEvidence:
    """A measure of the run's contestants and of others, whose networks are none of the run's."""
    if others is None:
        return run
    replicates = run.values.shape[1]
    values = np.pad(others.values, ((0, 0), (replicates, 0)), constant_values=np.nan)
    split = mode(entry.split for entry in run.entries)
    entries = tuple(entry._replace(split=split) for entry in others.entries)
    return run.joined(replace(others, values=values, entries=entries))
