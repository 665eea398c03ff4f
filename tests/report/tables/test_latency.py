"""The tables of latency and of resources."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.report import write_latency_tables
from benchmarks.report.results import Results
from benchmarks.report.tables.table import as_frame, markdown
from tests.made_up import timings, write_latency
from tests.report.support import NAMES, table_named


def test_latency_is_tabled_by_device_and_batch_size(timed_results: Results) -> None:
    text = markdown(table_named(timed_results, "latency"))
    cpu, more, gpu = text.split("\n| **")[1:]
    assert cpu.startswith("A Processor (1 thread, kernels)**")
    assert "| MC-dropout, T = 8 | 8.00 ± 0.16 | 88.0 ± 1.8 |" in cpu
    assert "T = 4" not in text
    assert more.startswith("A Processor (2 threads, kernels)**")
    assert gpu.startswith("GPU**")
    assert gpu.count("n/a <sup>a</sup>") == 6
    assert "unavailable: no GPU on this machine" in gpu


def test_resources_are_those_of_the_largest_size(timed_results: Results) -> None:
    frame = as_frame(table_named(timed_results, "resources")).set_index("Method")
    assert list(frame["Weights (MB)"]) == ["0.247"] * 3
    assert list(frame["Training (s)"]) == ["12.500"] * 3
    of_passes = frame.loc["MC-dropout, T = 8"]
    assert float(of_passes["p90 (ms) 1 image"]) == 12
    assert of_passes["p99 (ms) 1 image"] == "undefined"
    rate = float(of_passes["Thousand images per second, 64 images"])
    assert rate == pytest.approx(64 / 88, abs=1e-3)
    assert float(frame.loc["Deep ensemble, M = 4", "p99 (ms) 1 image"]) == 24


def test_timings_alone_are_reported(tmp_path: Path) -> None:
    write_latency(timings(), tmp_path)
    NAMES.write(tmp_path)
    write_latency_tables(tmp_path)
    written = {path.name for path in (tmp_path / "tables").glob("*.md")}
    assert written == {"latency.md", "resources.md"}
    assert not (tmp_path / "figures").exists()
