"""What external predictions are of: labelled images, and sets of out-of-distribution ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count

from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import CLEAN

LABELLED = Condition(CLEAN, "Clean", "clean", data="labelled")
"""The images with labels, from which out-of-distribution ones are to be distinguished."""


def out_of_distribution(names: Iterable[str]) -> Iterator[Condition]:
    """The sets of images; what a condition's name may not hold is in its label alone."""
    taken: set[str] = set()
    for name in names:
        plain = re.sub("[^a-z0-9_-]+", "-", name.lower())
        condition = next(
            one for n in count(1) if (one := f"ood-{plain}{f'-{n}' if n > 1 else ''}") not in taken
        )
        taken.add(condition)
        yield Condition(
            name=condition,
            label=name,
            group="out-of-distribution",
            data=name,
            labels="none",
            reason="out-of-distribution images have no label",
            paired_with=condition,
        )
