"""What a prediction file notes of its run, so that one of another run is noticed."""

from __future__ import annotations

import json
from hashlib import sha256

from benchmarks.run.configuration import Configuration

DECIDE_PREDICTIONS = (
    *("task", "images", "subset_images", "epochs", "seed", "device", "engine", "custom_methods"),
)
"""The parts of a configuration that do, as far as one run unit has it."""


def digest_of(configuration: Configuration) -> int:
    """Of what decides a unit's prediction beside the unit, 63 bits; other runs may share it."""
    identity = configuration.identity
    decides = json.dumps({name: identity[name] for name in DECIDE_PREDICTIONS})
    return int.from_bytes(sha256(decides.encode()).digest()[:8]) >> 1
