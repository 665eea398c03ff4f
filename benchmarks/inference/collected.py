"""What is collected of contestants' measures on some images, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.headline import Headline
from benchmarks.inference.evidence import (
    Contestant,
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
    Networks,
    interval_of,
)
from benchmarks.metrics import METRICS


class Collected:
    """The measures of contestants under a condition, or in the mean over a group of conditions.

    Args:
        condition: its name.
        headline: the measures of the headline that are of it, by metric.

    Attributes:
        drawn: how images are drawn, by whether a metric needs a reference.
    """

    def __init__(self, condition: str, headline: Mapping[str, Headline]) -> None:
        self._condition, self._headline = condition, headline
        self.drawn: dict[bool, Drawn] = {}
        self._moments: dict[Key, ReplicateSums] = {}
        self._entries: dict[Contestant, Entry] = {}
        self._kept: dict[Headline, dict[Contestant, tuple[Entry, dict[int, MeasuredUnit]]]] = {}

    def add(
        self, entry: Entry, replicate: int, measures: Mapping[MeasureName, MeasuredUnit]
    ) -> None:
        """Add a replicate."""
        self._entries[entry.contestant] = entry
        for (metric, score), each in measures.items():
            contestant = entry.contestant._replace(score=score)
            key = (*contestant[:3], self._condition, score, metric)
            self._moments.setdefault(key, ReplicateSums()).add(replicate, each)
            further = score in entry.further and "reference" in METRICS[metric].needs
            if metric in self._headline and (score in ("", entry.primary) or further):
                kept = self._kept.setdefault(self._headline[metric], {})
                if entry.is_judged:
                    kept.setdefault(contestant, (entry, {}))[1][replicate] = each

    def finish(self) -> None:
        """Let go what is needed while replicates of the same contestants are added."""
        for moments in self._moments.values():
            moments.finish()

    def intervals(self) -> dict[Key, Interval]:
        """The interval of each measure."""
        intervals = {}
        for key, moments in self._moments.items():
            drawn = self.drawn["reference" in METRICS[key[-1]].needs]
            interval = interval_of(key[-1], moments, drawn, self._networks(key, moments))
            is_large = self._entries[Contestant(*key[:3])].networks > 1
            if key[-1] in NOT_SMOOTH and is_large and len(moments.values) == 1:
                interval = interval._replace(note=ONE_REPLICATE)  # of others it is known
            intervals[key] = interval
        return intervals

    def _networks(self, key: Key, moments: ReplicateSums) -> Networks:
        """How a measure varies with the networks, maybe by smaller ensembles of the method."""
        method, _, budget, *_, metric = key
        values = np.array(list(moments.values.values()))
        networks = self._entries[Contestant(*key[:3])].networks
        if networks != budget or metric in NOT_SMOOTH:
            return Networks.of(values)
        smaller = {
            own.networks: np.array(list(known.values.values()))
            for contestant, own in self._entries.items()
            if contestant.method == method
            and own.networks == contestant.budget
            and (known := self._moments.get((*contestant[:3], *key[3:])))
        }
        return Networks.of(values, smaller, networks)

    def evidence(self) -> list[HeadlineEvidence]:
        """What the rule needs, of the measures of the headline."""
        return [
            evidence_of(
                measure,
                self._condition,
                self.drawn["reference" in METRICS[measure.metric].needs],
                kept,
            )
            for measure, kept in self._kept.items()
            if kept
        ]
