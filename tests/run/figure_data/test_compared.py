"""The images ranked highest, under conditions of the same images and of others."""

from __future__ import annotations

import torch

from benchmarks.run.figure_data.compared import Ranked, highest
from benchmarks.tasks.conditions import Condition

CLEAN = Condition("clean", "Clean", "clean", "digits")
ROTATED = Condition("rotated", "Rotated", "rotated", "digits")
OTHER = Condition("other", "Other", "natural", "other", paired_with="other")


def test_an_image_is_ranked_under_one_of_the_conditions_that_share_it() -> None:
    values = {
        CLEAN: torch.tensor([0.1, 0.0, 0.4]),
        ROTATED: torch.tensor([0.3, 0.0, 0.2]),
        OTHER: torch.tensor([0.35, 0.05]),
    }
    assert highest(values, 3) == [
        Ranked(CLEAN, 2, float(torch.tensor(0.4).round(decimals=9))),
        Ranked(OTHER, 0, float(torch.tensor(0.35).round(decimals=9))),
        Ranked(ROTATED, 0, float(torch.tensor(0.3).round(decimals=9))),
    ]
    assert [(one.condition, one.image) for one in highest(values, 9)[3:]] == [(OTHER, 1)]
    assert highest({}, 3) == []
