"""Probes of stored predictions, before anything is scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from benchmarks.errors import UserError
from benchmarks.predictions import THE_RUN, RunUnit, StoredPrediction
from benchmarks.run.folder.digest import digest_of
from benchmarks.run.integrity.check import Check
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods import Prediction
from methods.threads import one_torch_thread

ROUNDING = 1e-6
"""How far a row of probabilities may be from a sum of 1, and an expected entropy above that of the
mean; the same as in the methods' contract."""


@dataclass(frozen=True, order=True)
class ProbedPrediction:
    """What the probe measured in one stored prediction.

    Attributes:
        name: of which run unit, and of which condition.
        rows: of probabilities and votes.
        unsound: rows that hold a NaN or a negative number, or do not sum to 1.
        off_one: the largest distance of a sound row's sum from 1.
        images: those with sound rows.
        unsound_images: those of them whose expected entropy is not between 0 and the entropy of the
            mean, or with a score of the method's own that is not finite.
        machine: what predicted it; empty where it is not known.
    """

    name: str
    rows: int
    unsound: int
    off_one: float
    images: int
    unsound_images: int
    machine: str = ""


@one_torch_thread()
def probe_predictions(
    plan: Plan, workspace: Workspace, unit: RunUnit, *, counts: Mapping[str, int]
) -> list[ProbedPrediction]:
    """Probe every stored prediction of a run unit.

    Args:
        counts: how many images each condition has, where that is known.

    Raises:
        UserError: one is damaged, or was predicted by another run.
    """
    store, probed = workspace.predictions, []
    for condition in plan.predicted(unit):
        stored = store.load_if_there(unit, condition.name, counts.get(condition.name))
        if stored is None:
            continue
        digest = digest_of(plan.configuration)
        if stored.sources.get(THE_RUN, digest) != digest:
            raise UserError(
                f"the prediction file {store.path(unit, condition.name)} is of another run; delete "
                "it and run again: only this file is then predicted again"
            )
        probed.append(probe_prediction(f"{unit.name}/{condition.name}", stored))
    return probed


def probe_prediction(name: str, stored: StoredPrediction) -> ProbedPrediction:
    """Probe one stored prediction."""
    rows = torch.stack([stored.prediction.mean, stored.prediction.vote_share])
    off_one = (rows.sum(dim=2) - 1).abs()
    sound = (off_one <= ROUNDING) & (rows >= 0).all(dim=2)
    sound_images = sound.all(dim=0)
    return ProbedPrediction(
        name,
        rows=sound.numel(),
        unsound=int((~sound).sum()),
        off_one=off_one[sound].max().item() if sound.any() else 0.0,
        images=int(sound_images.sum()),
        unsound_images=int((sound_images & ~_sound_scores(stored.prediction)).sum()),
        machine=stored.machine,
    )


def summarise_predictions(predictions: Iterable[ProbedPrediction]) -> list[Check]:
    """The check of all stored predictions together; none where there are none."""
    probed = sorted(predictions)
    return [sound_probabilities(probed)] if probed else []


def sound_probabilities(predictions: list[ProbedPrediction]) -> Check:
    """Probabilities and vote shares are such, expected entropies possible, and scores finite."""
    failing = [stored.name for stored in predictions if stored.unsound or stored.unsound_images]
    return Check(
        probe="sound probabilities",
        claim="probabilities and vote shares sum to 1, none NaN or negative, expected entropy lies "
        "between 0 and that of the mean, and scores are finite",
        subject=failing[0] if failing else "all predictions",
        found={
            "prediction files": len(predictions),
            "rows": sum(stored.rows for stored in predictions),
            "unsound rows": sum(stored.unsound for stored in predictions),
            "largest distance of a sum from 1": max(stored.off_one for stored in predictions),
            "images with sound rows": sum(stored.images for stored in predictions),
            "images of an impossible entropy or score": sum(s.unsound_images for s in predictions),
        },
        passed=not failing,
    )


def _sound_scores(prediction: Prediction) -> Bool[Tensor, " images"]:
    expected = prediction.expected_entropy
    entropy = torch.special.entr(prediction.mean).sum(dim=1)
    # NaN is in no range.
    sound: Tensor = (expected >= 0) & (expected <= entropy + ROUNDING)
    for score in prediction.scores.values():
        # A score of the suite is NaN throughout where the method does not give what it needs.
        sound &= score.isfinite() | score.isnan().all()
    return sound
