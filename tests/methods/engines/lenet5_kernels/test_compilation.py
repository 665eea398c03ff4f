from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from methods.engines.lenet5_kernels import kernels_are_cached
from methods.engines.lenet5_kernels.compilation import kernel
from tests.methods.engines.lenet5_kernels.support import (
    logits,
    prepared,
    random_images,
    random_network,
)

COMPILE_WITHOUT_A_CACHE = """
import numpy as np
from methods.engines.lenet5_kernels import compile_kernels, kernels_are_cached
from methods.engines.lenet5_kernels.layout import exp

compile_kernels()
print(kernels_are_cached(), exp(np.float32(1)))
"""


def test_kernels_are_cached_after_the_first_call() -> None:
    logits(prepared(random_network()), random_images(1))
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
    assert float(output[1]) == pytest.approx(np.e)


def test_a_kernel_keeps_nan_and_infinity() -> None:
    @kernel
    def total(values: np.ndarray) -> float:
        result = 0.0
        for i in range(values.size):
            result += values[i]
        return result

    assert np.isnan(total(np.array([1.0, np.nan, 2.0])))
    assert total(np.array([1.0, np.inf])) == np.inf
