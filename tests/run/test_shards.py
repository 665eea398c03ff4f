"""A run in shards: the shares of machines that share no folder, copied together and continued."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from benchmarks.io import UserError
from benchmarks.run import measure
from benchmarks.run import record as run_record
from benchmarks.run.configuration import PRESETS, Configuration, configuration_of
from benchmarks.run.plan import Plan, Shard
from benchmarks.run.record import RunRecord
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import MEASURE, PREDICT, TRAIN
from tests.runs import DIGITS, Run, compute, run_of


def divided(configuration: Configuration, shards: int, only: str | None = None) -> list[Plan]:
    names = [f"{number}/{shards}" for number in range(1, shards + 1)]
    return [Plan(configuration, Shard.named(name, only)) for name in names]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("shards", [1, 2, 4])
def test_shards_are_the_run_and_share_no_network(shards: int, preset: str) -> None:
    chosen = configuration_of(preset)
    whole, plans = Plan(chosen), divided(chosen, shards)
    groups = [group for plan in plans for group in plan.groups()]
    assert sorted(groups, key=str) == sorted(whole.groups(), key=str)
    predicted = [network for plan in plans for network in plan.networks()]
    assert sorted(predicted) == sorted(whole.networks())
    for plan in plans:
        assert set(plan.networks()) == plan.networks_needed(chain.from_iterable(plan.groups()))
    trained = [network for plan in divided(chosen, shards, TRAIN) for network in plan.networks()]
    assert sorted(trained) == sorted(whole.networks())


def test_shards_copied_together_give_the_undivided_run(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_record, "commit", lambda: "0" * 40)  # what is finished counts

    def record(folder: Path) -> dict[str, Any]:
        return json.loads((folder / "run.json").read_text())

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def copied(*folders: Path) -> None:
        for folder in folders:
            shutil.copytree(folder, together.out, dirs_exist_ok=True)

    plan, whole = Plan(DIGITS), digits_run / "out"
    machines = [run_of(DIGITS, tmp_path / str(number), jobs=2).workspace for number in (1, 2, 3)]
    together = Workspace(tmp_path / "together", tmp_path / "no-networks", None, 1)
    for shard, workspace in zip(divided(DIGITS, 3), machines, strict=True):
        assert run_stages(shard, workspace) == []
    copied(*(one.out for one in machines[1:]))
    ((what, reason),) = run_stages(plan, together, MEASURE)
    assert what == MEASURE
    assert "predictions are missing, first: standard/" in reason
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "_write_tables", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_stages(plan, together, MEASURE)
    copied(*(one.out for one in machines))
    assert run_stages(plan, together, MEASURE) == []
    assert compute(Run(plan, together)) == []
    for name in ("training", "measurements", "summary", "comparisons", "worth"):
        table = f"{name}.csv"
        assert (together.out / table).read_bytes() == (whole / table).read_bytes()
    assert not any(together.networks.glob("*"))
    assert (together.out / "images.npz").read_bytes() == (whole / "images.npz").read_bytes()
    found, expected = record(together.out), record(whole)
    for name in ("configuration", "command", "replicates", "data", "machines"):
        assert found[name] == expected[name]
    seconds = [
        json.loads(path.read_text())["seconds"] for path in together.out.glob("shard-*.json")
    ]
    assert len(seconds) == len(found["shards"]) == 3
    for stage in (TRAIN, PREDICT):
        assert found["seconds"][stage] >= round(sum(one[stage] for one in seconds), 1) - 0.1


def test_shard_of_another_run_is_refused(tmp_path: Path) -> None:
    plan, workspace = run_of(DIGITS, tmp_path)
    other = replace(workspace, out=tmp_path / "other")
    RunRecord.begin(Plan(replace(DIGITS, seed=1), Shard(1, 2)), other)
    RunRecord.begin(plan, workspace)
    shutil.copy(other.out / "shard-1-of-2.json", workspace.out)
    with pytest.raises(UserError, match=r"shard-1-of-2\.json holds a run .* \(other seed\)"):
        RunRecord.begin(plan, workspace)
