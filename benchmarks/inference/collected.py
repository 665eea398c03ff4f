"""What is collected of contestants' measures on some images, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.headline import Headline
from benchmarks.inference.evidence import (
    Drawn,
    Entry,
    HeadlineEvidence,
    MeasuredUnit,
    MeasureName,
    ReplicateSums,
    evidence_of,
)
from benchmarks.inference.intervals import (
    NOT_SMOOTH,
    ONE_REPLICATE,
    Interval,
    Key,
    interval_of,
    networks_of,
)
from benchmarks.metrics import METRICS


class Collected:
    """The measures of contestants under a condition, or in the mean over a group of conditions.

    Args:
        condition: its name.
        headline: the measures of the headline, and of which condition each is.

    Attributes:
        drawn: how images are drawn, by whether a metric needs a reference.
    """

    def __init__(self, condition: str, headline: Mapping[Headline, str]) -> None:
        self._condition = condition
        self._headline = {m.metric: m for m, where in headline.items() if where == condition}
        self.drawn: dict[bool, Drawn] = {}
        self._moments: dict[str, dict[Entry, ReplicateSums]] = {}
        self._kept: dict[Headline, dict[Entry, dict[int, MeasuredUnit]]] = {}

    def add(
        self,
        entry: Entry,
        replicate: int,
        measures: Mapping[MeasureName, MeasuredUnit],
        scores: Sequence[str],
    ) -> None:
        """Add a replicate.

        Args:
            entry: of the contestant, by no score.
            scores: those by which it is one: the primary score, and others that detection alone is
                judged by. Without any it is no contestant, but measures the worth of smaller ones.
        """
        for (metric, score), each in measures.items():
            own = entry._replace(contestant=entry.contestant._replace(score=score))
            self._moments.setdefault(metric, {}).setdefault(own, ReplicateSums()).add(each)
            judged = scores if "reference" in METRICS[metric].needs else scores[:1]
            if scores and metric in self._headline and score in ("", *judged):
                kept = self._kept.setdefault(self._headline[metric], {})
                kept.setdefault(own, {})[replicate] = each

    def intervals(self) -> dict[Key, Interval]:
        """The interval of each measure."""
        intervals = {}
        for metric, known in self._moments.items():
            drawn = self._drawn_for(metric)
            values = {entry: np.array(moments.values) for entry, moments in known.items()}
            for entry, moments in known.items():
                interval = interval_of(metric, moments, drawn, networks_of(entry, metric, values))
                if metric in NOT_SMOOTH and entry.networks > 1 and len(moments.values) == 1:
                    interval = interval._replace(note=ONE_REPLICATE)  # of others it is known
                method, members, budget, score = entry.contestant
                intervals[method, members, budget, self._condition, score, metric] = interval
        return intervals

    def evidence(self) -> list[HeadlineEvidence]:
        """What the rule needs, of the measures of the headline."""
        return [
            evidence_of(measure, self._condition, self._drawn_for(measure.metric), kept)
            for measure, kept in self._kept.items()
        ]

    def _drawn_for(self, metric: str) -> Drawn:
        return self.drawn["reference" in METRICS[metric].needs]
