"""Run as a script with names of functions: calls each once, so that its kernels get compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from methods.engines.lenet5_kernels.enumeration import enumerate_subnetworks
from methods.engines.lenet5_kernels.forward import logits_and_features, sample_logits
from methods.engines.lenet5_kernels.layout import CHANNELS, PARAMETERS, KernelNetwork, f4
from methods.engines.lenet5_kernels.train import TrainingState, train_epoch

IMAGE = np.zeros((1, 28, 28), f4)
# Without dropout, there is one sub-network only.
NETWORK = KernelNetwork.of(np.zeros(PARAMETERS, f4), mean=0.0, std=1.0, dropout=0.0)

CALLS: dict[str, Callable[[], object]] = {
    "train_epoch": lambda: train_epoch(
        TrainingState.start(NETWORK),
        *(IMAGE, np.zeros(1, int), np.zeros(1, int), None),
        loss="logits",
        batch_size=1,
        learning_rate=0.0,
    ),
    "logits_and_features": lambda: logits_and_features(NETWORK, IMAGE),
    "sample_logits": lambda: sample_logits(NETWORK, IMAGE, np.ones((1, CHANNELS), bool)),
    "enumerate_subnetworks": lambda: enumerate_subnetworks(NETWORK, IMAGE),
}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        CALLS[name]()
