from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from methods.engines.lenet5_kernels import compilation, kernels_are_cached, logits
from methods.engines.lenet5_kernels.compilation import kernel
from tests.methods.engines.lenet5_kernels.support import (
    prepared,
    random_images,
    random_network,
)

COMPILE_WITHOUT_A_CACHE = """
import numpy as np
from methods.engines.lenet5_kernels import compile_kernels, kernels_are_cached
from methods.engines.lenet5_kernels.train import adam_step

compile_kernels()
parameters, first, second, gradient = np.ones((4, 8), np.float32)
adam_step(parameters, first, second, gradient, 1, 0.5)
print(kernels_are_cached(), parameters[0])
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
    # m = v = 1, hence lr·m/(1 − 0.9) / √(v/(1 − 0.999)) = 0.5·10/31.6
    assert float(output[1]) == pytest.approx(1 - 0.158114, abs=1e-6)


@pytest.mark.parametrize("source", ["train.py", "dense.py"])
def test_cache_folder_depends_on_every_source(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lenet5_kernels"
    shutil.copytree(Path(compilation.__file__).parent, package)
    monkeypatch.setattr(compilation, "__file__", str(package / "compilation.py"))
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    before = compilation._cache_folder()
    assert compilation._cache_folder() == before
    with (package / source).open("a") as file:
        file.write("# changed")
    assert compilation._cache_folder() != before


def test_a_kernel_keeps_nan_and_infinity() -> None:
    @kernel
    def total(values: np.ndarray) -> float:
        result = 0.0
        for i in range(values.size):
            result += values[i]
        return result

    assert np.isnan(total(np.array([1.0, np.nan, 2.0])))
    assert total(np.array([1.0, np.inf])) == np.inf
