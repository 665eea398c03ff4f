"""The networks that the kernels compute; to ask, Numba need not be installed."""

from __future__ import annotations

from methods.networks.lenet5 import LeNet5, LeNet5ReLU
from methods.networks.network import Network

KERNEL_NETWORKS: dict[type[Network], bool] = {LeNet5: False, LeNet5ReLU: True}
"""Each with whether it has ReLU and max pooling; else it has tanh and average pooling.

A subclass is not among them: it may compute anything.
"""
