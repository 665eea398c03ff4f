"""Run as a script with names of modules: calls their kernels once, so that they get compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from methods.engine.enumeration import enumerate_subnetworks
from methods.engine.layout import CHANNELS, PARAMETERS, f4
from methods.engine.predict import logits
from methods.engine.sample import sample_logits
from methods.engine.train import loss_gradient

NETWORK, IMAGE = np.zeros(PARAMETERS, f4), np.zeros((1, 28, 28), f4)
NUMBERS = {"mean": 0.0, "deviation": 1.0, "dropout": 0.0}  # so there is one sub-network only

REHEARSED: dict[str, Callable[[], object]] = {
    "train": lambda: loss_gradient(
        NETWORK, IMAGE, np.zeros(1, int), None, loss="logits", **NUMBERS
    ),
    "predict": lambda: logits(NETWORK, IMAGE, None, **NUMBERS),
    "sample": lambda: sample_logits(NETWORK, IMAGE, np.ones((1, CHANNELS), bool), **NUMBERS),
    "enumeration": lambda: enumerate_subnetworks(NETWORK, IMAGE, **NUMBERS),
}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        REHEARSED[name]()
