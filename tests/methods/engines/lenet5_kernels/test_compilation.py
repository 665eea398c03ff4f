from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
from methods.engines.lenet5_kernels.layout import tanh

compile_kernels()
print(kernels_are_cached(), tanh(np.float32(1)))
"""


PRODUCTS = """
import sys

import numpy as np
from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layers import product

by_width = {3: product(3), 5: product(5)}
three, five = by_width.values()


@kernel
def twice_three(total, left, right):
    for _ in range(2):
        three(total, left, right)


@kernel
def twice_five(total, left, right):
    for _ in range(2):
        five(total, left, right)


for width in map(int, sys.argv[1:]):
    left, right = np.ones((2, 8), np.float32), np.ones((8, width), np.float32)
    total = np.zeros((2, width), np.float32)
    {3: twice_three, 5: twice_five}[width](total, left, right)
    print(total.sum() == 2 * 8 * total.size)
"""


@pytest.mark.slow
def test_kernels_of_one_factory_that_two_processes_have_compiled_stay_apart(tmp_path: Path) -> None:
    (script := tmp_path / "products.py").write_text(PRODUCTS)
    # With equal hashes, the processes name what they compile alike.
    settings = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONHASHSEED": "0"}
    for widths in (["3"], ["5"], ["5", "3"]):
        command = [sys.executable, str(script), *widths]
        output = subprocess.run(
            command,
            env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert output.stdout.split() == ["True"] * len(widths)


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
    assert float(output[1]) == pytest.approx(np.tanh(1))


def test_a_kernel_keeps_nan_and_infinity() -> None:
    @kernel
    def total(values: np.ndarray) -> float:
        result = 0.0
        for i in range(values.size):
            result += values[i]
        return result

    assert np.isnan(total(np.array([1.0, np.nan, 2.0])))
    assert total(np.array([1.0, np.inf])) == np.inf
