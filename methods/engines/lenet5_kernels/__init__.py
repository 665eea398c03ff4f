"""The fast path for LeNet-5 on the CPU: train, predict, sample and enumerate, in Numba.

Arrays in, arrays out: the kernels know nothing of methods, and of PyTorch only the order of a
network's parameters in one flat vector. What makes them fast: dropout's masks come first, so that a
dropped channel is never computed; convolutions are sums of contiguous streams; and what many
sub-networks of an image share is computed once. Public functions release the interpreter: threads
work in parallel, one network or some of the images each, and no bit depends on how many.

To read it, begin with ``layout``, then ``layers``: ``convolution`` and ``dense`` take the time.
``forward``, ``backward`` and ``gradient`` are the network in terms of them. The public functions
stand in ``train``, ``predict`` and ``enumeration``.
"""

from methods.engines.lenet5_kernels.check import Network
from methods.engines.lenet5_kernels.compilation import CACHE, compile_kernels, kernels_are_cached
from methods.engines.lenet5_kernels.enumeration import enumerate_subnetworks
from methods.engines.lenet5_kernels.layout import CHANNELS, PARAMETERS
from methods.engines.lenet5_kernels.predict import logits, sample_logits
from methods.engines.lenet5_kernels.train import TrainingState, loss_gradient, train_epoch

__all__ = [
    "CACHE",
    "CHANNELS",
    "PARAMETERS",
    "VERSION",
    "Network",
    "TrainingState",
    "compile_kernels",
    "enumerate_subnetworks",
    "kernels_are_cached",
    "logits",
    "loss_gradient",
    "sample_logits",
    "train_epoch",
]

VERSION = 1
"""Counted up when a change gives other results: networks trained by another are not reused."""
