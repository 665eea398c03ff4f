"""Probes of stored predictions, before anything is scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool
from torch import Tensor

from benchmarks.inference.measures import DETECTION, LABELLED, SCORES
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.integrity.check import Check
from benchmarks.run.integrity.recomputation import recomputed_against_labels, recomputed_auroc
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods import Prediction
from methods.threads import one_torch_thread

ROUNDING = 1e-6
"""How far a row of probabilities may be from a sum of 1, and an expected entropy above that of the
mean; the same as in the methods' contract."""

ALIKE = 1e-6
"""How far two computations of a measure may differ: rounding may part scores that are tied."""


@dataclass(frozen=True, order=True)
class ProbedPrediction:
    """What was found in one shard.

    Attributes:
        name: whose it is, and of which images.
        rows, unsound: rows of probabilities and votes; those that hold a NaN or a negative number,
            or miss a sum of 1.
        off_one: by how much the worst of the sound rows misses it.
        images, unsound_images: those with sound rows; those of them whose expected entropy is not
            between 0 and the entropy of the mean, or with a score of the method's own that is not
            finite.
        compared, differing: measures computed twice; those that came out differently.
        difference: by how much the others differ at most.
    """

    name: str
    rows: int
    unsound: int
    off_one: float
    images: int
    unsound_images: int
    compared: int = 0
    differing: int = 0
    difference: float = 0.0


@one_torch_thread()
def probe_predictions(plan: Plan, workspace: Workspace, unit: RunUnit) -> list[ProbedPrediction]:
    """Look at every shard of a cell; of first replicates, compute the main measures again."""
    probed = []
    for condition in plan.conditions_of(unit):
        stored = workspace.predictions.load_if_there(unit, condition.name)
        if stored is not None:
            reference = None
            if condition.name != condition.reference:
                reference = workspace.predictions.load_if_there(unit, condition.reference)
            name = f"{unit.name}/{condition.name}"
            probed.append(probe_prediction(name, stored, reference, recompute=unit.replicate == 0))
    return probed


def probe_prediction(
    name: str,
    stored: StoredPrediction,
    reference: StoredPrediction | None,
    *,
    recompute: bool = True,
) -> ProbedPrediction:
    """Look at one shard; where it is sound its measures can be computed again."""
    rows = torch.stack([stored.prediction.mean, stored.prediction.vote_share])
    off_one = (rows.sum(dim=2) - 1).abs()
    sound = (off_one <= ROUNDING) & (rows >= 0).all(dim=2)
    unsound = int((~sound).sum())
    worst = off_one[sound].max().item() if sound.any() else 0.0
    whole = sound.all(dim=0)
    unsound_images = int((whole & ~_sound_scores(stored.prediction)).sum())
    probed = ProbedPrediction(name, sound.numel(), unsound, worst, int(whole.sum()), unsound_images)
    if unsound or unsound_images or not recompute:
        return probed
    differences = list(_differences(stored, reference))
    alike = [difference for difference in differences if difference <= ALIKE]
    return replace(
        probed,
        compared=len(differences),
        differing=len(differences) - len(alike),
        difference=max(alike, default=0.0),
    )


def summarise_predictions(predictions: Iterable[ProbedPrediction]) -> list[Check]:
    """What all shards together show; nothing, where there are none."""
    probed = sorted(predictions)
    return [sound_probabilities(probed), recomputed_measures(probed)] if probed else []


def sound_probabilities(predictions: list[ProbedPrediction]) -> Check:
    """Probabilities and vote shares are such, expected entropies possible, and scores finite."""
    failing = [stored for stored in predictions if stored.unsound or stored.unsound_images]
    return Check(
        probe="sound probabilities",
        claim="probabilities and vote shares sum to 1, none NaN or negative, expected entropy lies "
        "between 0 and that of the mean, and scores are finite",
        subject=_subject([stored.name for stored in failing]),
        found={
            "shards": len(predictions),
            "rows": sum(stored.rows for stored in predictions),
            "unsound rows": sum(stored.unsound for stored in predictions),
            "largest distance of a sum from 1": max(stored.off_one for stored in predictions),
            "images with sound rows": sum(stored.images for stored in predictions),
            "images of an impossible entropy or score": sum(s.unsound_images for s in predictions),
        },
        passed=not failing,
    )


def recomputed_measures(predictions: list[ProbedPrediction]) -> Check:
    """Accuracy, NLL, Brier, ECE and AUROC are those that an independent computation gives."""
    return Check(
        probe="recomputed measures",
        claim="accuracy, NLL, Brier, ECE and AUROC agree with an independent computation",
        subject=_subject([stored.name for stored in predictions if stored.differing]),
        found={
            "values compared (first replicates)": sum(stored.compared for stored in predictions),
            "values that differ": sum(stored.differing for stored in predictions),
            "largest difference of the others": max(stored.difference for stored in predictions),
        },
        passed=not any(stored.differing for stored in predictions),
    )


def _sound_scores(prediction: Prediction) -> Bool[Tensor, " images"]:
    expected = prediction.expected_entropy
    entropy = torch.special.entr(prediction.mean).sum(dim=1)
    # NaN is in no range.
    sound: Tensor = (expected >= 0) & (expected <= entropy + ROUNDING)
    for score in prediction.scores.values():
        sound &= score.isfinite()
    return sound


def _subject(failing: list[str]) -> str:
    return failing[0] if failing else "all predictions"


def _differences(stored: StoredPrediction, reference: StoredPrediction | None) -> Iterator[float]:
    mean, labels = stored.prediction.mean, stored.labels
    if labels is not None:
        for metric, again in recomputed_against_labels(mean.numpy(), labels.numpy()).items():
            yield _difference(LABELLED[metric](mean, labels), again)
    if reference is not None:
        yield _difference(_auroc(stored, reference), _auroc_again(stored, reference))


def _difference(value: float, again: float) -> float:
    """Zero for two infinite values, NaN where only one is defined."""
    return 0.0 if value == again else abs(value - again)


def _auroc(stored: StoredPrediction, reference: StoredPrediction) -> float:
    score = SCORES["predictive_entropy"]
    both = torch.cat([score(reference.prediction), score(stored.prediction)])
    ood: Tensor = torch.arange(len(both)) >= len(reference.prediction.mean)
    return DETECTION["auroc"](both, ood)


def _auroc_again(stored: StoredPrediction, reference: StoredPrediction) -> float:
    return recomputed_auroc(reference.prediction.mean.numpy(), stored.prediction.mean.numpy())
