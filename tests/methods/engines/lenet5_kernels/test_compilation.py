from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from methods.engines.lenet5_kernels import kernels_are_cached
from methods.engines.lenet5_kernels.layers import product
from methods.engines.numba import kernel_network
from tests.methods.engines.lenet5_kernels.support import logits, random_images, random_network

COMPILE_WITHOUT_A_CACHE = """
import numpy as np
from methods.engines.lenet5_kernels import compile_kernels, kernels_are_cached
from methods.engines.lenet5_kernels.layout import tanh

compile_kernels()
print(kernels_are_cached(), tanh(np.float32(1)))
"""


def test_kernels_of_one_factory_have_names_of_their_own() -> None:
    """LLVM takes two of one name, each compiled by another process, for the same kernel."""
    assert product(3).__qualname__ != product(5).__qualname__


def test_kernels_are_cached_after_the_first_call() -> None:
    logits(kernel_network(random_network()), random_images(1))
    assert kernels_are_cached()


def test_works_where_nothing_can_be_written() -> None:
    places = ("NUMBA_CACHE_DIR", "HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")
    nowhere = dict.fromkeys(places, f"{os.devnull}/nowhere")
    output = subprocess.run(
        [sys.executable, "-B", "-c", COMPILE_WITHOUT_A_CACHE],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert output[0] == "False"
    assert float(output[1]) == pytest.approx(np.tanh(1))
