"""Peak memory, of calls that allocate what is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.latency import cost as module
from benchmarks.latency.cost import peak_memory

MEASURABLE = peak_memory(lambda: None).megabytes is not None
on_linux = pytest.mark.skipif(not MEASURABLE, reason="needs Linux with the GNU C library")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def touch(megabytes: float) -> None:
    np.ones(round(megabytes * 1e6), dtype=np.uint8)


def touch_small_blocks(megabytes: int) -> None:
    """Blocks that the C library takes from its own heap, and keeps when they are freed."""
    blocks = [np.ones(20_000, dtype=np.uint8) for _ in range(50 * megabytes)]
    blocks.clear()


@on_linux
@pytest.mark.parametrize("megabytes", [20, 200])
def test_known_block_is_measured(megabytes: int) -> None:
    peak = peak_memory(lambda: touch(megabytes)).megabytes
    assert peak == pytest.approx(megabytes, rel=0.03, abs=3)


@on_linux
def test_memory_that_was_used_before_counts_again() -> None:
    for _ in range(3):
        touch_small_blocks(60)
        peak = peak_memory(lambda: touch_small_blocks(60)).megabytes
        assert peak == pytest.approx(60, rel=0.05, abs=1)


@on_linux
def test_nothing_is_almost_nothing() -> None:
    touch(200)
    assert peak_memory(lambda: None).megabytes == pytest.approx(0, abs=1)


@on_linux
def test_what_is_resident_is_not_counted() -> None:
    held = np.ones(100_000_000, dtype=np.uint8)
    assert peak_memory(lambda: held.sum()).megabytes == pytest.approx(0, abs=2)


def test_machine_without_such_a_count_gets_no_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "CLEAR_REFS", tmp_path / "no" / "such" / "file")
    peak = peak_memory(lambda: None)
    assert peak.megabytes is None
    assert "Linux" in peak.reason


@pytest.mark.cuda
@needs_cuda
def test_known_block_on_the_device_is_measured() -> None:
    peak = peak_memory(lambda: torch.ones(50_000_000, device="cuda"), device="cuda").megabytes
    assert peak == pytest.approx(200, rel=0.02)
