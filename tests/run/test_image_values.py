"""What images contribute is the same of all at once and in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.metrics import METRICS, Family, in_families
from benchmarks.metrics.metric import each_once
from benchmarks.predictions import StoredPrediction
from benchmarks.run.image_values import ImageValues, prepared
from methods import Prediction
from methods.scores import probability_scores

FAMILIES = in_families(METRICS.values())
IMAGES = 70


def stored(seed: int, images: slice, *, members: int, labelled: bool) -> StoredPrediction:
    random = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(members, IMAGES, 5, generator=random)
    labels = torch.randint(5, (IMAGES,), generator=random)
    logits[:, 3, labels[3]] = -torch.inf
    own = labels[images] if labelled else None
    return StoredPrediction(Prediction.of(logits.double().softmax(-1)[:, images]), own)


def both(seed: int, **how: Any) -> tuple[ImageValues, ImageValues]:
    """At once, and in blocks."""
    blocks = (stored(seed, part, **how) for part in (slice(16), slice(16, 48), slice(48, IMAGES)))
    return ImageValues([stored(seed, slice(IMAGES), **how)]), ImageValues(blocks)


@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_family_gives_the_same_of_all_images_and_of_blocks(
    family: Family, labelled: bool, members: int
) -> None:
    own, reference = (both(seed, members=members, labelled=labelled) for seed in (0, 1))
    for score in probability_scores() if "score" in family.needs else ("",):
        once = [each_once(IMAGES)] * 2
        one, other = (
            None if ready is None else family.evaluate(ready, *once)
            for ready in (prepared(family, score, own[k], reference[k]) for k in (0, 1))
        )
        np.testing.assert_array_equal(one, other)
        alone = [prepared(family, score, values, None) is None for values in own]
        assert alone[0] == alone[1]
        assert alone[0] or "reference" not in family.needs


@pytest.mark.parametrize("labelled", [True, False])
def test_all_else_is_the_same_too(labelled: bool) -> None:
    one, other = both(0, members=3, labelled=labelled)
    for name in ("images", "members", "labelled", "own_scores", "impossible_labels"):
        assert getattr(one, name) == getattr(other, name)
    assert (one.images, one.members, one.impossible_labels) == (IMAGES, 3, int(labelled))
    for name in probability_scores():
        torch.testing.assert_close(one.score(name), other.score(name), rtol=0, atol=0)
    assert one.score("another") is None
    assert other.score("another") is None
