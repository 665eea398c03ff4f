from __future__ import annotations

import numpy as np

from methods.engines.lenet5_kernels import PARAMETERS
from methods.engines.lenet5_kernels.layout import aligned_zeros, views
from tests.methods.engines.lenet5_kernels.support import random_network, vector


def test_views_are_torchs_tensors_in_torchs_order() -> None:
    network = random_network()
    flat = vector(network)
    assert flat.shape == (PARAMETERS,) == (61_706,)
    for view, parameter in zip(views(flat), network.parameters(), strict=True):
        np.testing.assert_array_equal(view.reshape(parameter.shape), parameter.detach())


def test_views_share_the_vectors_memory() -> None:
    flat = np.zeros(PARAMETERS, np.float32)
    views(flat).linear3_bias[:] = 1
    assert flat[-10:].tolist() == [1] * 10


def test_aligned_zeros_begin_on_a_cache_line() -> None:
    assert all(aligned_zeros(3, size).ctypes.data % 64 == 0 for size in range(1, 40))
