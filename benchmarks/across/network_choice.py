"""What the choice of the network is worth, beside the number of networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from benchmarks.across.rankings import choices_of
from benchmarks.across.settings import Setting
from benchmarks.report.answer.evidence import Evidence
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.texts import listed

_ONE, _MANY = "softmax", "deep_ensemble"


def network_choices(settings: Sequence[Setting]) -> Iterator[str]:
    """A sentence a task: how well one of each network, and many, detect the task's first other set.

    Networks are trained without dropout; images are ranked by methods' primary scores. A task with
    one network alone, or where that was not measured, has none.

    Args:
        settings: with the same methods.
    """
    for task, some in groupby(settings, key=lambda one: one.task):
        of_task = list(some)
        results = of_task[0].results
        sizes = [one.members for one in results.variants if one.method == _MANY]
        images = next(iter(results.ood), "")
        if len(of_task) < 2 or not sizes or not images:
            continue
        singles, many = (
            [_auroc(one, images, method, size) for one in of_task]
            for method, size in ((_ONE, "1"), (_MANY, sizes[-1]))
        )
        if "" not in (*singles, *many):
            named = [
                f"{value} ({one.network})" for value, one in zip(singles, of_task, strict=True)
            ]
            yield (
                f"{task}: one network without dropout detects {results.label_of(images)} with an "
                f"AUROC of {listed(named)}, {sizes[-1]} networks with {listed(many)}."
            )


def _auroc(setting: Setting, images: str, method: str, size: str) -> str:
    """Without dropout; empty where it was not measured."""
    candidate = choices_of(setting).get((False, method, size))
    if candidate is None:
        return ""
    row = Evidence(setting.results).value(candidate, Quantity(images, "auroc"))
    return f"{row['value']:.3f}" if row else ""
