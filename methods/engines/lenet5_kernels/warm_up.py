"""Run as a script with names of modules: calls their kernels once, so that they get compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from methods.engines.lenet5_kernels.enumeration import enumerate_subnetworks
from methods.engines.lenet5_kernels.layout import CHANNELS, PARAMETERS, f4
from methods.engines.lenet5_kernels.predict import logits
from methods.engines.lenet5_kernels.sample import sample_logits
from methods.engines.lenet5_kernels.train import loss_gradient

NETWORK, IMAGE = np.zeros(PARAMETERS, f4), np.zeros((1, 28, 28), f4)
NUMBERS = {"mean": 0.0, "std": 1.0, "dropout": 0.0}  # so there is one sub-network only

WARMED_UP: dict[str, Callable[[], object]] = {
    "train": lambda: loss_gradient(
        NETWORK, IMAGE, np.zeros(1, int), None, loss="logits", **NUMBERS
    ),
    "predict": lambda: logits(NETWORK, IMAGE, None, **NUMBERS),
    "sample": lambda: sample_logits(NETWORK, IMAGE, np.ones((1, CHANNELS), bool), **NUMBERS),
    "enumeration": lambda: enumerate_subnetworks(NETWORK, IMAGE, **NUMBERS),
}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        WARMED_UP[name]()
