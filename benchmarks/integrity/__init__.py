"""Integrity probes: what must hold before any number is worth reading.

Data and networks are probed before anything is predicted, stored predictions before anything is
scored. What the probes found stands in ``run.json``; one that fails ends the run.
"""

from benchmarks.integrity.check import Check, IntegrityError, require_passed
from benchmarks.integrity.networks import probe_networks
from benchmarks.integrity.shards import probe_shards, summarise_shards

__all__ = [
    "Check",
    "IntegrityError",
    "probe_networks",
    "probe_shards",
    "require_passed",
    "summarise_shards",
]
