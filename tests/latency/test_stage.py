"""The stage `latency`: what is timed, on what, and the rows of what is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.latency.setups import setups
from benchmarks.latency.stage import time_methods
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.schema import Latency, types_of
from benchmarks.vocabulary import LOCK_FILE, NOUNS_JSON
from methods.networks.pool import NetworkKey
from methods.networks.training import TrainedNetwork, initial_network
from tests.latency.support import SMALL, run_in, table_of, timed
from tests.runs import FULL

pytestmark = pytest.mark.slow

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
with_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture
def table(finished: Path) -> pd.DataFrame:
    return table_of(run_in(finished))


def test_largest_sizes_are_timed_everywhere_and_smaller_ones_less_often(
    table: pd.DataFrame,
) -> None:
    assert list(table) == list(types_of(Latency))
    cpu = table[(table["status"] == "ok") & (table["device"] == "cpu")]
    assert set(cpu["clock"]) == {"wall"}
    batch_sizes = {
        key: set(rows["batch_size"].astype(int))
        for key, rows in cpu.groupby(["method", "members", "threads", "engine"])
    }
    largest = {("softmax", "1"), ("mc_dropout", "4"), ("deep_ensemble", "3")}
    smaller = {("mc_dropout", "2"), ("deep_ensemble", "2")}
    everywhere = [(s.threads, s.engine) for s in setups(Plan(SMALL)) if s.device == "cpu"]
    assert batch_sizes == {
        **{(*variant, *setup): {1, 2, 4} for variant in largest for setup in everywhere},
        **{(*variant, 1, "numba"): {1, 4} for variant in smaller},
    }


def test_numbers_agree_with_one_another(table: pd.DataFrame) -> None:
    rows = table[table["status"] == "ok"]
    assert (
        (rows["images_per_s"] / (1000 * rows["batch_size"] / rows["p50_ms"]))
        .between(*(0.999, 1.001))
        .all()
    )
    assert (rows["calls"] >= 1).all()
    assert rows["p99_ms"].isna().all()
    assert (rows["p90_ms"].notna() == (rows["calls"] >= 30)).all()
    precise = rows[rows["p50_lower_ms"].notna()]
    assert (precise["p50_lower_ms"] <= precise["p50_ms"]).all()
    assert (precise["p50_ms"] <= precise["p50_upper_ms"]).all()
    assert set(rows["stopped_because"]) <= {"median within 2 %", "0.02 s"}
    ensemble = rows[(rows["method"] == "deep_ensemble") & (rows["members"] == "3")].iloc[0]
    assert (ensemble["parameters"], ensemble["weight_bytes"]) == (3 * 61_706, 12 * 61_706)
    assert set(rows["torch_version"]) == {torch.__version__}
    assert rows["device_name"].str.endswith(" cores").all() or torch.cuda.is_available()


@without_cuda
def test_machine_without_a_gpu_has_a_reason_for_each_method(table: pd.DataFrame) -> None:
    rows = table[table["device"] == "cuda"]
    assert list(rows["method"]) == ["softmax", "mc_dropout", "deep_ensemble"]
    assert set(rows["status"]) == {"unavailable"}
    assert set(rows["reason"]) == {"no GPU on this machine"}
    assert rows[["p50_ms", "peak_memory_mb", "images_per_s"]].isna().all(axis=None)


@pytest.mark.cuda
@with_cuda
def test_gpu_is_timed_by_both_clocks(table: pd.DataFrame) -> None:
    rows = table[table["device"] == "cuda:0"]
    assert set(rows["clock"]) == {"wall", "device"}
    assert set(rows["device_name"]) == {torch.cuda.get_device_name(0)}
    assert (rows["peak_memory_mb"] > 0).all()


def test_exact_enumeration_is_timed_on_single_images_alone(tmp_path: Path) -> None:
    exact = replace(FULL, methods=("mc_dropout_exact",), batch_sizes=(1, 8))
    rows = timed(tmp_path, exact).set_index("batch_size")
    assert rows.loc[1, "status"] == "ok"
    assert rows.loc[1, "members"] == "exact"
    assert rows.loc[8, "status"] == "not applicable"
    assert "single images" in rows.loc[8, "reason"]


def test_training_takes_what_the_networks_in_the_store_took(tmp_path: Path) -> None:
    few = replace(SMALL, batch_sizes=(1,))
    run = run_in(tmp_path, few)
    assert timed(tmp_path, few)["training_s"].isna().all()
    for recipe, number in run.plan.networks():
        pool = run.plan.pool(recipe, run.workspace.store)
        key = NetworkKey(pool.recipe, pool.seed, number, "f", pool.engine.name)
        network = initial_network(pool.recipe, number)
        pool.store.save(key, TrainedNetwork(network, (), 2.5))
    time_methods(*run, "g")
    assert table_of(run)["training_s"].isna().all()
    time_methods(*run, "f")
    table = table_of(run)
    there = (table["engine"] == few.engine) & (table["status"] == "ok")
    assert table.loc[~there, "training_s"].isna().all()
    assert table[there].groupby(["method", "members"])["training_s"].unique().to_dict() == {
        ("softmax", "1"): [2.5],
        **{("mc_dropout", str(passes)): [2.5] for passes in few.passes},
        **{("deep_ensemble", str(members)): [2.5 * members] for members in few.members},
    }


def test_what_is_timed_is_not_timed_again(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "out" / "latency.csv"
    before = path.read_bytes()
    lines = before.splitlines(keepends=True)
    timed(tmp_path)
    assert path.read_bytes() == before
    path.write_bytes(b"".join(lines[:4] + lines[5:]))
    timed(tmp_path)
    kept = path.read_bytes().splitlines(keepends=True)
    assert kept[:4] + kept[5:] == lines[:4] + lines[5:]


def test_record_has_how_long_it_took_and_needs_no_data(tmp_path: Path) -> None:
    few = replace(SMALL, methods=("softmax",), batch_sizes=(1,))
    assert run_stages(*run_in(tmp_path, few), "latency") == []
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        *("latency.csv", "score-latency.csv", "run.json", "tables", LOCK_FILE),
        NOUNS_JSON,
    }
    assert '"latency": ' in (tmp_path / "out" / "run.json").read_text()
