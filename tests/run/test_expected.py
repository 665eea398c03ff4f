"""What a run is expected to take: what is counted, and how it is priced."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.run.configuration import PRESETS, configuration_of
from benchmarks.run.expected import (
    EVALUATED,
    METHOD_SECONDS,
    OWN,
    PASSED,
    SECONDS,
    TRAINED,
    Counting,
    Speed,
    Work,
    measured_speed,
    seconds_of,
)
from benchmarks.run.plan import Plan
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.task import ImageLimits
from benchmarks.vocabulary import MEASURE, PREDICT, REPORT, STAGES, TRAIN
from methods import METHODS
from methods.networks.network import multiply_adds
from tests.processes import status_of
from tests.runs import DIGITS, FULL, compute, run_of

SPEED = Speed(100.0, 0.041, {(TRAINED, "plain"): 2e-6})


def counted(works: list[Work], stage: str, what: str) -> float:
    return sum(work.amount for work in works if (work.stage, work.what) == (stage, what))


@pytest.mark.parametrize("limits", [ImageLimits(), ImageLimits(100), ImageLimits(None, 40)])
def test_number_of_images_is_that_of_those_chosen(limits: ImageLimits) -> None:
    for condition in MNIST.conditions:
        chosen = limits.chosen(condition, None, 300, seed=0)
        assert limits.number(condition, 300) == len(chosen)


def test_what_a_small_run_does_is_counted(tmp_path: Path) -> None:
    run = run_of(replace(DIGITS, methods=("softmax", "mc_dropout"), scores="unfitted"), tmp_path)
    works = Counting(*run).works()
    # Two networks of each of two recipes, for an epoch.
    assert counted(works, TRAIN, TRAINED) == 2 * 2 * 1000
    # Clean, two angles, noise and the calibration images; passes of one recipe alone.
    images = 4 * 100 + 200
    assert counted(works, PREDICT, EVALUATED) == 4 * images
    assert counted(works, PREDICT, PASSED) == 2 * 5 * images
    assert {work.stage for work in works} == {*STAGES} - {"claims"}


def test_what_is_there_is_not_counted_again(digits_run: Path) -> None:
    works = Counting(*run_of(DIGITS, digits_run)).works()
    assert counted(works, TRAIN, TRAINED) == 0
    assert [work for work in works if work.stage == PREDICT] == []
    assert counted(works, MEASURE, "predictions measured") > 0
    assert counted(works, "latency", "methods timed") == 0


def test_training_of_a_methods_own_is_counted_by_multiply_adds(tmp_path: Path) -> None:
    chosen = replace(DIGITS, methods=("mimo",), recipes=("standard",), replicates=1)
    run = run_of(chosen, tmp_path)
    works = Counting(*run).works()
    forward = multiply_adds(run.plan.configuration.recipe("standard").network)
    assert counted(works, PREDICT, OWN) == forward * 1000 * chosen.epochs
    assert counted(works, TRAIN, TRAINED) == 0


def test_pairs_are_counted_within_each_recipe(tmp_path: Path) -> None:
    def pairs(*recipes: str) -> float:
        run = run_of(replace(DIGITS, methods=("softmax",), recipes=recipes), tmp_path)
        return counted(Counting(*run).works(), MEASURE, "pairs compared")

    assert pairs("standard", "plain") == 2 * pairs("standard") > 0


def test_part_of_what_is_there_is_not_counted(tmp_path: Path) -> None:
    few = replace(DIGITS, methods=("softmax",), replicates=1, pool=1)
    compute(run_of(few, tmp_path), TRAIN)
    works = Counting(*run_of(replace(few, replicates=3), tmp_path)).works()
    assert counted(works, TRAIN, TRAINED) == 2 * 2 * 1000


@pytest.mark.parametrize("preset", PRESETS)
def test_all_work_of_presets_has_a_price(preset: str, tmp_path: Path) -> None:
    plan = Plan(configuration_of(preset))
    networks = {
        (what, recipe): 1e-6
        for what in (TRAINED, EVALUATED, PASSED)
        for recipe in plan.configuration.recipes
    }
    works = Counting(plan, run_of(FULL, tmp_path).workspace).works()
    taken = seconds_of(works, replace(SPEED, networks=networks))
    assert all(seconds >= 0 for seconds in taken.values())
    assert {stage for stage, _ in taken} >= {TRAIN, PREDICT, MEASURE, REPORT}
    assert METHOD_SECONDS.keys() <= METHODS.keys()


def test_prices_are_multiplied_and_scaled_by_the_machine() -> None:
    slow = replace(SPEED, mixed=2 * SPEED.mixed)
    assert SPEED.seconds(Work(TRAIN, TRAINED, 10**6, "plain")) == pytest.approx(2)
    assert slow.seconds(Work(TRAIN, TRAINED, 10**6, "plain")) == pytest.approx(2)
    report = Work(REPORT, "reports", 3)
    assert SPEED.seconds(report) == pytest.approx(3 * SECONDS["reports"])
    assert slow.seconds(report) == pytest.approx(6 * SECONDS["reports"])
    fit, image = METHOD_SECONDS["laplace_kron"]
    kron = Work(PREDICT, "laplace_kron", 2, "", "laplace_kron", images=50)
    assert SPEED.seconds(kron) == pytest.approx(2 * fit + 50 * image)
    assert seconds_of([report, report, kron], SPEED) == pytest.approx(
        {
            (REPORT, ""): 6 * SECONDS["reports"],
            (PREDICT, "laplace_kron"): 2 * fit + 50 * image,
        }
    )


def test_speed_is_measured_of_every_recipe() -> None:
    speed = measured_speed(Plan(DIGITS))
    assert Counter(what for what, _ in speed.networks) == {TRAINED: 2, EVALUATED: 2, PASSED: 1}
    assert all(seconds > 0 for seconds in (speed.mixed, speed.gflops, *speed.networks.values()))


def test_plan_is_printed_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--task", "digits", "--networks", tmp_path / "networks"]
    assert status_of(*words, "--out", tmp_path / "out", "--plan") == 0
    printed = capsys.readouterr().out
    assert all(stage in printed for stage in (*STAGES[:4], "report", "memory", "disk", "GFLOP/s"))
    assert not (tmp_path / "out").exists()


def test_plan_leaves_damaged_files_where_they_are(tmp_path: Path) -> None:
    run = run_of(DIGITS, tmp_path)
    damaged = run.workspace.predictions.path(run.plan.groups()[0][0])
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"damaged")
    works = Counting(*run).works()
    assert damaged.read_bytes() == b"damaged"
    damaged.unlink()
    assert Counting(*run).works() == works
