"""Probes of stored predictions, before anything is scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.integrity.check import Check
from benchmarks.integrity.recomputation import recomputed_against_labels, recomputed_auroc
from benchmarks.measure import DETECTION, LABELLED, SCORES
from benchmarks.predictions import Cell, Shard
from benchmarks.run import Run
from methods.threads import one_torch_thread

OFF_ONE = 1e-6
"""How far a row of probabilities may be from a sum of 1; the same as in the methods' contract."""

ALIKE = 1e-6
"""How far two computations of a measure may differ: rounding may part scores that are tied."""


@dataclass(frozen=True, order=True)
class ProbedShard:
    """What was found in one shard.

    Attributes:
        name: whose it is, and of which images.
        rows, unsound: rows of probabilities and votes; those that hold a NaN or a negative number,
            or miss a sum of 1.
        off_one: by how much the worst of the sound rows misses it.
        compared, differing: measures computed twice; those that came out differently.
        difference: by how much the others differ at most.
    """

    name: str
    rows: int
    unsound: int
    off_one: float
    compared: int = 0
    differing: int = 0
    difference: float = 0.0


@one_torch_thread()
def probe_shards(run: Run, cell: Cell) -> list[ProbedShard]:
    """Look at every shard of a cell; of first replicates, compute the main measures again."""
    probed = []
    for condition in run.conditions_of(cell):
        shard = run.shards.load_if_there(cell, condition.name)
        if shard is not None:
            reference = None
            if condition.name != condition.reference:
                reference = run.shards.load_if_there(cell, condition.reference)
            name = f"{cell.name}/{condition.name}"
            probed.append(probe_shard(name, shard, reference, recompute=cell.replicate == 0))
    return probed


def probe_shard(
    name: str, shard: Shard, reference: Shard | None, *, recompute: bool = True
) -> ProbedShard:
    """Look at one shard; where it is sound its measures can be computed again."""
    rows = torch.cat([shard.prediction.mean, shard.prediction.vote_share])
    off_one = (rows.sum(dim=1) - 1).abs()
    sound = (off_one <= OFF_ONE) & (rows >= 0).all(dim=1)
    unsound = int((~sound).sum())
    worst = off_one[sound].max().item() if sound.any() else 0.0
    if unsound or not recompute:
        return ProbedShard(name, len(rows), unsound, worst)
    differences = list(_differences(shard, reference))
    alike = [difference for difference in differences if difference <= ALIKE]
    return ProbedShard(
        name,
        *(len(rows), unsound, worst),
        *(len(differences), len(differences) - len(alike), max(alike, default=0.0)),
    )


def summarise_shards(shards: Iterable[ProbedShard]) -> list[Check]:
    """What all shards together show; nothing, where there are none."""
    probed = sorted(shards)
    return [sound_probabilities(probed), recomputed_measures(probed)] if probed else []


def sound_probabilities(shards: list[ProbedShard]) -> Check:
    """Stored probabilities and vote shares sum to 1, and none is NaN or negative."""
    return Check(
        probe="sound probabilities",
        claim="probabilities and vote shares sum to 1, none NaN or negative",
        subject=_subject([shard.name for shard in shards if shard.unsound]),
        found={
            "shards": len(shards),
            "rows": sum(shard.rows for shard in shards),
            "unsound rows": sum(shard.unsound for shard in shards),
            "largest distance of a sum from 1": max(shard.off_one for shard in shards),
        },
        passed=not any(shard.unsound for shard in shards),
    )


def recomputed_measures(shards: list[ProbedShard]) -> Check:
    """Accuracy, NLL, Brier, ECE and AUROC are those that an independent computation gives."""
    return Check(
        probe="recomputed measures",
        claim="accuracy, NLL, Brier, ECE and AUROC agree with an independent computation",
        subject=_subject([shard.name for shard in shards if shard.differing]),
        found={
            "values compared (first replicates)": sum(shard.compared for shard in shards),
            "values that differ": sum(shard.differing for shard in shards),
            "largest difference of the others": max(shard.difference for shard in shards),
        },
        passed=not any(shard.differing for shard in shards),
    )


def _subject(failing: list[str]) -> str:
    return failing[0] if failing else "all predictions"


def _differences(shard: Shard, reference: Shard | None) -> Iterator[float]:
    mean, labels = shard.prediction.mean, shard.labels
    if labels is not None:
        for metric, again in recomputed_against_labels(mean.numpy(), labels.numpy()).items():
            yield _difference(LABELLED[metric](mean, labels), again)
    if reference is not None:
        yield _difference(_auroc(shard, reference), _auroc_again(shard, reference))


def _difference(value: float, again: float) -> float:
    """Zero for two infinite values, NaN where only one is defined."""
    return 0.0 if value == again else abs(value - again)


def _auroc(shard: Shard, reference: Shard) -> float:
    score = SCORES["predictive_entropy"]
    both = torch.cat([score(reference.prediction), score(shard.prediction)])
    foreign: Tensor = torch.arange(len(both)) >= len(reference.prediction.mean)
    return DETECTION["auroc"](both, foreign)


def _auroc_again(shard: Shard, reference: Shard) -> float:
    return recomputed_auroc(reference.prediction.mean.numpy(), shard.prediction.mean.numpy())
