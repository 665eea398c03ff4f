"""The fast path for LeNet-5 on the CPU: train, predict and sample, in Numba.

It has tanh and average pooling, or ReLU and max pooling; one set of kernels computes both.
Arrays in, arrays out: the kernels know nothing of methods, and of PyTorch only the order of a
network's parameters in one flat vector. They are fast for three reasons: sixteen images lie side by
side, so that whatever is computed is computed in whole vectors; what is added to a number is added
in one expression, so that it is read and written once; and work shared by many sub-networks of an
image is done once. Public functions release the GIL: threads work in parallel, each on one network
or some of the images, and results do not depend on their number.

To read the code, begin with ``layout``; most time is spent in ``layers``, which ``forward``
combines to the network. The public functions are in ``forward`` and ``train``.
"""

import numpy as np

from methods.engines.lenet5_kernels.compilation import CACHE, compile_kernels, kernels_are_cached
from methods.engines.lenet5_kernels.forward import logits_and_features, sample_logits
from methods.engines.lenet5_kernels.layout import CHANNELS, HIDDEN_2, PARAMETERS, KernelNetwork, f4
from methods.engines.lenet5_kernels.train import TrainingState, features_gradient, train_epoch

__all__ = [
    "CACHE",
    "CHANNELS",
    "PARAMETERS",
    "VERSION",
    "KernelNetwork",
    "TrainingState",
    "compile_kernels",
    "features_gradient",
    "kernels_are_cached",
    "logits_and_features",
    "sample_logits",
    "train_epoch",
    "warm_up",
]

VERSION = 2
"""Counted up when a change gives other results: networks trained by another are not reused."""


def warm_up(*names: str) -> None:
    """Call these public functions once, so that their kernels get compiled."""
    image = np.zeros((1, 28, 28), f4)
    network = KernelNetwork.from_vector(np.zeros(PARAMETERS, f4), mean=0.0, std=1.0, dropout=0.0)
    if "train_epoch" in names:
        state, label = TrainingState.start(network), np.zeros(1, int)
        training = (state, image, label, label, None)
        train_epoch(*training, loss="logits", batch_size=1, learning_rate=0.0)
    if "features_gradient" in names:
        features_gradient(network, image, np.zeros((1, HIDDEN_2), f4))
    if "logits_and_features" in names:
        logits_and_features(network, image)
    if "sample_logits" in names:
        sample_logits(network, image, np.ones((1, CHANNELS), bool))
