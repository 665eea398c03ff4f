"""How the speed of the hot paths is measured: ``python -m pytest tests/benchmarks``.

A group holds one piece of work, done in several ways; the naive way is among them where there is
one, so a group's ratios are what the suite's way gains. Everything runs on one core, as each unit
of a run does; so ratios hold for any number of cores. Images have MNIST's shape and random pixels:
no speed depends on what they show. Sizes are reduced; ``extra_info`` holds how much was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from methods.determinism import one_torch_thread
from methods.engines.lenet5_kernels import compile_kernels

Measure = Callable[..., None]


def pytest_configure(config: pytest.Config) -> None:
    """Measure in this process: any `--dist`, as in `addopts`, would disable pytest-benchmark."""
    config.option.dist = "no"


@pytest.fixture(scope="session", autouse=True)
def _one_core_and_compiled_kernels() -> Iterator[None]:
    compile_kernels()
    with one_torch_thread():
        yield


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    """Times a call a few times after a first one, and notes how much work it was."""

    def run(work: Callable[[], Any], *, rounds: int = 3, **amount: int) -> None:
        benchmark.extra_info.update(amount)
        benchmark.pedantic(work, rounds=rounds, warmup_rounds=1)

    return run
