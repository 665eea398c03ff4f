"""What a run is expected to take: what is counted, and what each costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import process_time

import pandas as pd
import pytest

from benchmarks.run.configuration import PRESETS, configuration_of
from benchmarks.run.expected import NETWORK, expected
from benchmarks.run.plan import Plan
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.task import ImageLimits
from benchmarks.vocabulary import LATENCY, MEASURE, PREDICT, REPORT, STAGES, TRAIN
from tests.processes import status_of
from tests.runs import DIGITS, FULL, Run, compute, run_of


def counts(run: Run, stage: str) -> dict[str, int]:
    """By what a stage does, how often."""
    table = expected(*run)
    own = table[table["stage"] == stage]
    return dict(zip(own["what"], own["count"], strict=True))


def seconds(table: pd.DataFrame, stage: str) -> float:
    return float(table.loc[table["stage"] == stage, "seconds"].sum())


@pytest.mark.parametrize("limits", [ImageLimits(), ImageLimits(100), ImageLimits(None, 40)])
def test_number_of_images_is_that_of_those_chosen(limits: ImageLimits) -> None:
    for condition in MNIST.conditions:
        chosen = limits.chosen(condition, None, 300, seed=0)
        assert limits.number(condition, 300) == len(chosen)


def test_what_a_small_run_does_is_counted(tmp_path: Path) -> None:
    few = replace(DIGITS, methods=("softmax", "mc_dropout"), scores="unfitted")
    run = run_of(few, tmp_path)
    assert counts(run, TRAIN) == {
        "well-trained, 1 epochs": 2,
        "well-trained-epochs-2, 2 epochs": 2,
        "well-trained-dropout-0.1, 1 epochs": 2,
        "well-trained-dropout-0.1-epochs-2, 2 epochs": 2,
    }
    # Of MC-dropout both numbers of passes.
    assert counts(run, PREDICT) == {"networks": 4, "mc_dropout": 2 * 2 * 2}
    # Clean, two angles and noise.
    assert counts(run, MEASURE) == {"predictions": 4 * (2 * 2 + 2 * 2 * 2)}
    table = expected(*run)
    assert {*table["stage"]} == {*STAGES} - {"claims"}
    assert (table["seconds"] > 0).all()
    networks = table[table["stage"] == TRAIN].set_index("what")["seconds"]
    assert networks.iloc[1] == pytest.approx(2 * networks.iloc[0])


def test_what_is_there_is_not_counted_again(digits_run: Path) -> None:
    run = run_of(DIGITS, digits_run)
    assert [counts(run, stage) for stage in (TRAIN, PREDICT, LATENCY)] == [{}, {}, {}]
    assert counts(run, MEASURE)["predictions"] > 0


def test_training_of_a_methods_own_is_predicted_and_lasts_by_its_budget(tmp_path: Path) -> None:
    chosen = replace(DIGITS, methods=("mimo",), budgets=(1.0,), replicates=1, epochs=4)
    taken = {}
    for epochs in (4, 8):
        run = run_of(replace(chosen, epochs=epochs), tmp_path)
        assert (counts(run, TRAIN), counts(run, PREDICT)) == ({}, {"mimo": 1})
        taken[epochs] = seconds(expected(*run), PREDICT)
    images = run.plan.task.images_to_train_with("training")
    more = taken[8] - taken[4]
    assert 0.5 * 4 * images * NETWORK["training"]["torch"] < more
    assert more < 4 * images * NETWORK["training"]["torch"]  # of a smaller network


def test_part_of_what_is_there_is_not_counted(tmp_path: Path) -> None:
    few = replace(DIGITS, methods=("softmax",), budgets=(1.0,), replicates=1, pool=1)
    compute(run_of(few, tmp_path), TRAIN)
    more = run_of(replace(few, replicates=3), tmp_path)
    assert counts(more, TRAIN) == {"well-trained, 1 epochs": 2}


@pytest.mark.parametrize("preset", PRESETS)
def test_all_work_of_presets_has_a_price(preset: str, tmp_path: Path) -> None:
    plan = Plan(configuration_of(preset))
    table = expected(plan, run_of(FULL, tmp_path).workspace)
    assert (table["seconds"] > 0).all()
    assert {*table["stage"]} >= {TRAIN, PREDICT, MEASURE, REPORT}


def test_plan_is_printed_at_once_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--task", "digits", "--networks", tmp_path / "networks"]
    assert status_of(*words, "--out", tmp_path / "out", "--plan") == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in (*STAGES[:4], "report", "well-trained", "all"))
    assert not (tmp_path / "out").exists()
    begun = process_time()
    expected(*run_of(FULL, tmp_path))
    assert process_time() - begun < 10


def test_plan_leaves_damaged_files_where_they_are(tmp_path: Path) -> None:
    run = run_of(DIGITS, tmp_path)
    damaged = run.workspace.predictions.path(run.plan.groups()[0][0], "clean")
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"damaged")
    table = expected(*run)
    assert damaged.read_bytes() == b"damaged"
    damaged.unlink()
    pd.testing.assert_frame_equal(expected(*run), table)
