"""The images that claims are about, by name."""

from __future__ import annotations

import torch

from benchmarks.conditions import CLEAN, CONDITIONS, Judged
from benchmarks.metrics.disagreement import pairwise_disagreement
from benchmarks.predictions import Cell
from benchmarks.run import Run

TYPICAL, PECULIAR = 61, 591
"""The test images that the article looks at: a typical 8 and a peculiar one."""

TWO_IMAGES = "article-images"
DISPUTED = "most-disputed"

MOST_DISPUTED = 100
"""How many clean images, those which the ensemble disputes most, are asked about exactly."""


def images_of(run: Run, name: str) -> Judged:
    """The images of a condition, or of the article, or those that a recipe's ensemble disputes.

    The latter are named ``most-disputed-<recipe>-<members>``.
    """
    if name in CONDITIONS:
        return run.judged(CONDITIONS[name])
    if name == TWO_IMAGES:
        test = run.test_images()
        return Judged(test.images[[TYPICAL, PECULIAR]], test.labels[[TYPICAL, PECULIAR]])
    recipe, _, members = name.removeprefix(f"{DISPUTED}-").rpartition("-")
    clean = run.judged(CONDITIONS[CLEAN])
    chosen = most_disputed(run, Cell(recipe, "deep_ensemble", int(members), 0))
    assert clean.labels is not None
    return Judged(clean.images[chosen], clean.labels[chosen])


def disputed_name(ensemble: Cell) -> str:
    """What the images are called that this ensemble disputes most."""
    return f"{DISPUTED}-{ensemble.recipe}-{ensemble.size}"


def most_disputed(run: Run, ensemble: Cell) -> list[int]:
    """The clean images about which the ensemble's members disagree most, the most disputed first.

    Of equally disputed images the first come first.
    """
    prediction = run.shards.load(ensemble, CLEAN).prediction
    disagreement = pairwise_disagreement(prediction.vote_share, prediction.members)
    order = torch.sort(disagreement, descending=True, stable=True).indices
    chosen: list[int] = order[:MOST_DISPUTED].tolist()
    return chosen
