"""Methods that are tied with the best, beside the model confidence set of arch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.external import read_predictions, score
from benchmarks.report.answer.decision import Decision, decisions
from benchmarks.report.results import Quantity

IMAGES, CLASSES = 800, 5

LABELS = np.random.default_rng(0).integers(CLASSES, size=IMAGES)


def probabilities(seed: int, sharpness: float) -> NDArray[np.float64]:
    """Of one member, images and classes; methods share what makes an image hard."""
    hard = np.random.default_rng(1).normal(size=(IMAGES, CLASSES))
    own = np.random.default_rng(seed).normal(size=(IMAGES, CLASSES))
    logits = hard + 0.5 * own + sharpness * np.eye(CLASSES)[LABELS]
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def on_clean(methods: dict[str, NDArray[np.float64]], folder: Path) -> Decision:
    for name, array in methods.items():
        np.savez(folder / f"{name}.npz", probabilities=array[None], labels=LABELS)
    read = [read_predictions(folder / f"{name}.npz") for name in methods]
    return decisions(score(read, resamples=100, seed=0).results)[0]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lead", [0.0, 0.05, 0.1, 0.3])
def test_tied_by_nll_is_the_model_confidence_set(lead: float, seed: int, tmp_path: Path) -> None:
    """By images alone: of a single replicate, no more varies. The first three have the lead.

    Hansen, Lunde and Nason (2011) eliminate the worst model step by step, each time by the largest
    of |t|; ours is one step over all pairs, so that it keeps what they keep, and seldom more.
    """
    bootstrap = pytest.importorskip("arch.bootstrap", reason="not installed: '.[agreement]'")
    methods = {
        f"method_{k}": probabilities(10 * seed + k + 2, 2 + (lead if k < 3 else 0.0))
        for k in range(6)
    }
    decision = on_clean(methods, tmp_path)
    tied = {choice.method for choice in decision.tied(Quantity("clean", "nll"))}
    losses = np.stack(
        [-np.log(array[np.arange(IMAGES), LABELS]) for array in methods.values()], axis=1
    )
    names = list(methods)
    found = bootstrap.MCS(losses, size=0.05, reps=2000, block_size=1, method="R", seed=0)
    found.compute()
    kept = {names[position] for position in found.included}
    assert kept <= tied
    assert len(tied - kept) <= 1
    if lead > 0.2:
        assert tied <= set(names[:3])
