"""The stage `latency`: what is timed, on what, and by whom it is kept; custom methods."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.latency.places import LatencyTask, TimedOn, latency_tasks, mode, timed_on
from benchmarks.latency.stage import PLACE, time_methods
from benchmarks.latency.stopwatch import ROUNDS, Limits
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where, write_table
from methods import METHODS
from methods.networks.pool import NetworkKey
from methods.networks.training import TrainedNetwork, initial_network
from tests.runs import DIGITS, QUICK, Run, run_of

SMALL = replace(
    QUICK,
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    members=(2, 3),
    passes=(2, 4),
    batch_sizes=(1, 2, 4),
)
SHORT = Limits(seconds=0.02)

with_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def table_of(run: Run) -> pd.DataFrame:
    return read_table(run.workspace.out, "latency.csv")


def timed(run: Run, trained_on: str | None = None) -> pd.DataFrame:
    """The rows of a run without failures."""
    assert time_methods(*run, trained_on, SHORT) == []
    return table_of(run)


def tasks_of(configuration: Configuration, folder: Path) -> list[LatencyTask]:
    """What is timed of methods on the CPU."""
    run = run_of(configuration, folder)
    tasks = latency_tasks(*run, None, timed_on(run.plan))
    return [each for each in tasks if each.place.device == "cpu" and not each.row.score]


def test_largest_sizes_are_timed_everywhere_and_smaller_ones_less_often(tmp_path: Path) -> None:
    batch_sizes: dict[tuple[object, ...], set[int]] = {}
    for task in tasks_of(SMALL, tmp_path):
        key = task.row.method, task.size, task.place.threads, task.place.engine
        batch_sizes.setdefault(key, set()).add(task.row.batch_size)
    places = [(p.threads, p.engine) for p in timed_on(Plan(SMALL)) if p.device == "cpu"]
    assert {(1, "torch"), (1, "numba")} <= {*places}
    largest = (("softmax", None), ("mc_dropout", 4), ("deep_ensemble", 3))
    smaller = (("mc_dropout", 2), ("deep_ensemble", 2))
    assert batch_sizes == {
        **{(*each, *place): {1, 2, 4} for each in largest for place in places},
        **{(*each, 1, engine): {1, 4} for each in smaller for engine in ("torch", "numba")},
    }


def test_numbers_agree_with_one_another(digits_run: Path) -> None:
    table = table_of(run_of(DIGITS, digits_run))
    assert set(table.loc[table["score"] == "", "status"]) == {"ok"}
    rows = where(table, status="ok")
    images_per_s = 1000 * rows["batch_size"] / rows["p50_ms"]
    assert (rows["images_per_s"] / images_per_s).between(0.999, 1.001).all()
    whole = rows.dropna(subset="p50_lower_ms")  # of few rounds, on a machine that is busy, none
    assert (whole["p50_lower_ms"] <= whole["p50_ms"]).all()
    assert (whole["p50_ms"] <= whole["p50_upper_ms"]).all()
    held = rows.groupby(["method", "members"])["parameters"].first()
    assert held["deep_ensemble", "2"] == 2 * held["softmax", "1"]
    assert set(rows["torch_version"]) == {torch.__version__}
    assert rows["device_name"].str.endswith(" cores").all() or torch.cuda.is_available()


@pytest.mark.cuda
@with_cuda
def test_gpu_is_timed_beside_the_cpu(tmp_path: Path) -> None:
    table = timed(run_of(SMALL, tmp_path))
    rows = table[table["device"] == "cuda:0"]
    assert set(rows["device_name"]) == {torch.cuda.get_device_name(0)}
    assert (rows.loc[rows["score"] == "", "peak_memory_mb"] > 0).all()


@pytest.mark.slow
def test_training_takes_what_the_networks_in_the_store_took(tmp_path: Path) -> None:
    few = replace(SMALL, batch_sizes=(1,), budgets=(1.0, 2.0))
    run = run_of(few, tmp_path)
    assert timed(run)["training_s"].isna().all()
    for training, number in run.plan.networks():
        pool = run.plan.pool(training, run.workspace.store)
        key = NetworkKey(pool.recipe, pool.seed, number, "f", pool.engine.name)
        network = initial_network(pool.recipe, number)
        seconds = 3.5 if pool.recipe.dropout else 2.5
        pool.store.save(key, TrainedNetwork(network, (), seconds))
    assert timed(run, "g")["training_s"].isna().all()
    table = timed(run, "f")
    there = (table["engine"] == few.engine) & (table["score"] == "")
    assert table.loc[~there, "training_s"].isna().all()
    assert table[there].groupby(["method", "members"])["training_s"].unique().to_dict() == {
        ("softmax", "1"): [2.5],
        **{("mc_dropout", str(passes)): [3.5] for passes in few.passes},
        **{("deep_ensemble", str(members)): [2.5 * members] for members in few.members},
    }


def test_what_is_timed_is_not_timed_again(digits_copy: Path) -> None:
    run = run_of(DIGITS, digits_copy)
    path = run.workspace.out / "latency.csv"
    before = path.read_bytes()
    timed(run)
    assert path.read_bytes() == before


def test_what_is_compared_is_timed_in_one_session(tmp_path: Path) -> None:
    """If one row is missing, all of its place and batch size are timed anew, and no other."""
    run = run_of(replace(DIGITS, methods=("softmax", "mc_dropout"), batch_sizes=(1, 4)), tmp_path)
    before = timed(run)
    missing = where(before, method="mc_dropout", members="5", batch_size=4, device="cpu").iloc[0]
    write_table(before.drop(missing.name), run.workspace.out, "latency.csv")
    after = timed(run)
    assert (after["method"] == before["method"]).all()
    place = [*PLACE, "batch_size"]
    is_new = (before[place] == missing[place]).all(axis=1) & before["p50_ms"].notna()
    assert is_new.sum() > 2
    assert (after["p50_ms"].fillna(0) != before["p50_ms"].fillna(0)).equals(is_new)


def test_rows_of_other_machines_stay(digits_copy: Path) -> None:
    run = run_of(DIGITS, digits_copy)
    here = table_of(run)
    place = here[PLACE].iloc[0]
    ours = here[(here[PLACE] == place).all(axis=1)]
    card = ours.assign(device="cuda:0", device_name="A Card", torch_version="3")
    older = ours.iloc[:1].assign(torch_version="1")
    write_table(pd.concat([here, older, card]), run.workspace.out, "latency.csv")
    pd.testing.assert_frame_equal(timed(run), pd.concat([card, here], ignore_index=True))


@pytest.mark.slow
def test_stage_needs_no_data(tmp_path: Path) -> None:
    few = replace(SMALL, methods=("softmax",), batch_sizes=(1,))
    assert run_stages(*run_of(few, tmp_path), "latency") == []
    assert (tmp_path / "out" / "latency.csv").exists()
    assert '"latency": ' in (tmp_path / "out" / "run.json").read_text()


CUSTOM = '''
import time

import numpy as np
import torch

from methods import Prediction, UncertaintyMethod


class Mine(UncertaintyMethod):
    """Sleeps for 30 ms and touches 200 MB."""

    name = "mine"

    def fit(self, images, labels):
        assert len(images) == len(labels)
        return self

    def predict(self, images):
        time.sleep(0.03)
        np.ones(200_000_000, dtype=np.uint8)
        return Prediction.of(torch.full((7, len(images), 10), 0.1))
'''


def of_custom(table: pd.DataFrame) -> pd.DataFrame:
    return where(table, method="mine", device="cpu")


def custom(folder: Path, code: str) -> Configuration:
    (folder / "mine.py").write_text(code)
    return replace(
        SMALL, methods=(), custom_methods=(f"{folder / 'mine.py'}:Mine",), batch_sizes=(1, 4)
    )


def test_known_sleep_and_allocation_are_measured_through_the_stage(tmp_path: Path) -> None:
    rows = of_custom(timed(run_of(custom(tmp_path, CUSTOM), tmp_path)))
    columns = ["status", "members", "engine", "mode"]
    assert rows[columns].drop_duplicates().to_numpy().tolist() == [["ok", "7", "torch", "custom"]]
    assert (rows["p50_ms"] >= 30).all()
    if rows["peak_memory_mb"].notna().all():
        assert rows["peak_memory_mb"].between(198, 206).all()
    assert rows["reason"].str.contains("fitted on 1,000 random images").all()
    assert rows["parameters"].isna().all()


def test_custom_methods_take_turns_with_all_others(tmp_path: Path) -> None:
    """Two that note their calls: each is called in each round, and neither is always the first."""
    calls = tmp_path / "calls"
    noting = f"""time.sleep(0.001)
        with open({str(calls)!r}, 'a') as file:
            file.write(self.name[-1])"""
    code = CUSTOM.replace("time.sleep(0.03)", noting).replace("200_000_000", "8")
    for letter in "ab":
        (tmp_path / f"mine_{letter}.py").write_text(code.replace('"mine"', f'"mine_{letter}"'))
    locations = tuple(f"{tmp_path}/mine_{letter}.py:Mine" for letter in "ab")
    both = replace(SMALL, methods=(), custom_methods=locations, batch_sizes=(1,), scores="unfitted")
    assert time_methods(*run_of(both, tmp_path), limits=Limits(seconds=10, calls=1)) == []
    place = calls.read_text()[: 4 + 2 * ROUNDS[0]]
    rounds = [place[k : k + 2] for k in range(4, len(place), 2)]
    assert place.startswith("aabb")  # prepared: a first call, and one whose memory is measured
    assert set(rounds) == {"ab", "ba"}


@pytest.mark.parametrize(
    ("method", "on_cpu", "on_gpu"),
    [
        ("softmax", "single", "single"),
        ("mc_dropout", "batched", "batched"),
        ("deep_ensemble", "loop", "batched"),
        ("test_time_augmentation", "loop", "loop"),
        ("laplace_last_layer", "single", "single"),
    ],
)
def test_mode_is_how_pytorch_evaluates_the_members(method: str, on_cpu: str, on_gpu: str) -> None:
    places = (TimedOn("cpu", "A processor", 1, "torch"), TimedOn("cuda:0", "A Card", 1, "torch"))
    assert tuple(mode(METHODS[method], place) for place in places) == (on_cpu, on_gpu)


def test_method_that_fails_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    code = CUSTOM.replace("time.sleep(0.03)", "assert len(images) < 4, '/home/secret/x.npy'")
    run = run_of(custom(tmp_path, code), tmp_path)
    failures = time_methods(*run, limits=SHORT)
    on_cpu = {place.threads for place in timed_on(Plan(SMALL)) if place.device == "cpu"}
    assert [noun for noun, _ in failures] == ["mine on cpu, batch size 4"] * len(on_cpu)
    assert failures[0].reason.startswith("AssertionError")
    assert "secret" not in failures[0].reason
    assert list(of_custom(table_of(run))["status"])[:2] == ["ok", "failed"]
