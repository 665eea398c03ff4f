"""Some numbers of a run, computed anew."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from benchmarks.records import read_table, write_table
from benchmarks.run.plan import Plan
from benchmarks.verify.sampling import AS_REPLICATES, judged, sampled, units_of
from benchmarks.verify.tables import DIFFERENT, IDENTICAL, ROUNDED
from tests.verify.conftest import CHOSEN, Verify

pytestmark = pytest.mark.slow


def rows(values: list[float], metric: str = "nll") -> pd.DataFrame:
    """Replicates of one method under one condition."""
    table = pd.DataFrame({"value": values, "replicate": range(len(values))})
    named = {"recipe": "standard", "method": "softmax", "members": "1", "condition": "clean"}
    return table.assign(**named, score="", metric=metric, reason="", status="ok")


def test_sampled_numbers_are_identical(finished: Path, verify: Verify, tmp_path: Path) -> None:
    status, shown, told = verify(finished, "--sample", 12)
    assert (status, told) == (0, "")
    assert shown.splitlines()[-1] == "identical: 12"
    (path,) = (tmp_path / "verified").glob("run-*/sample.csv")
    table = read_table(path)
    assert list(table["value"]) == list(table["again"])
    assert set(table["verdict"]) == {IDENTICAL}
    assert list(path.parent.rglob("*.safetensors"))


def test_made_up_number_is_found(run: Path, verify: Verify) -> None:
    path = run / "measurements.csv"
    table = read_table(path)
    chosen = sampled(table, 3, seed=0)
    table.loc[chosen.index[1], "value"] = 17.0
    write_table(table, path)
    record = json.loads((run / "run.json").read_text())
    record["files"]["measurements.csv"] = ""
    (run / "run.json").write_text(json.dumps(record))
    status, shown, _ = verify(run, "--sample", 3)
    assert status == 1
    assert "different: 1" in shown
    assert "17.0, again " in shown


def test_other_images_are_refused(run: Path, verify: Verify) -> None:
    record = json.loads((run / "run.json").read_text())
    record["data"]["rotated-045"]["fingerprint"] = "0" * 64
    (run / "run.json").write_text(json.dumps(record))
    status, _, told = verify(run, "--sample", 3)
    assert status == 2
    assert "the images of 'rotated-045' here are others than those of the run" in told


def test_sample_is_random_and_repeatable(finished: Path) -> None:
    table = read_table(finished / "measurements.csv")
    first, again, other = (sampled(table, 20, seed) for seed in (0, 0, 1))
    assert list(first.index) == list(again.index) != list(other.index)
    assert len(set(first.index)) == 20
    assert not first["value"].isna().any()
    assert len(sampled(table, 10**9, 0)) == table["value"].notna().sum()


def test_units_of_rows_are_those_of_their_size(finished: Path) -> None:
    table = read_table(finished / "measurements.csv")
    row = table[(table["method"] == "mc_dropout") & (table["condition"] == "rotated-045")]
    ((unit, conditions),) = units_of(row.head(1), Plan(CHOSEN)).items()
    assert (unit.name, conditions) == ("standard/mc_dropout-4/replicate-00", {"rotated-045"})


@pytest.mark.parametrize(
    ("again", "verdict"),
    [
        (1.0, IDENTICAL),
        (1.0000001, ROUNDED),
        # Student's t with 3 degrees of freedom has the .975 quantile 3.1824; the other replicates'
        # standard deviation is sqrt(5 / 3).
        (1.0 + 3.182 * math.sqrt(2 * 5 / 3), AS_REPLICATES),
        (1.0 + 3.183 * math.sqrt(2 * 5 / 3), DIFFERENT),
        (math.nan, DIFFERENT),
    ],
)
def test_verdict_on_one_number(again: float, verdict: str) -> None:
    measurements = rows([1.0, 2.0, 3.0, 4.0, 5.0])
    row = measurements.head(1)
    table = judged(row, row.assign(value=again), measurements)
    assert list(table["verdict"]) == [verdict]


def test_of_few_replicates_the_spread_is_not_known() -> None:
    measurements = rows([1.0, 2.0, 3.0, 4.0])
    row = measurements.head(1)
    assert list(judged(row, row.assign(value=1.5), measurements)["verdict"]) == [DIFFERENT]


def test_other_networks_are_rarely_called_different() -> None:
    """All of five numbers of networks trained anew are within the spread in 95 % of samples."""
    random = np.random.default_rng(0)
    count, runs, called = 5, 120, 0
    for _ in range(runs):
        groups = [rows(list(random.normal(size=10)), f"metric-{k}") for k in range(count)]
        measurements = pd.concat(groups, ignore_index=True)
        chosen = measurements[measurements["replicate"] == 0]
        anew = chosen.assign(value=random.normal(size=count))
        called += DIFFERENT in set(judged(chosen, anew, measurements)["verdict"])
    margin = norm.ppf(0.999) * math.sqrt(0.05 * 0.95 / runs)
    assert called / runs == pytest.approx(0.05, abs=margin + 0.02)
