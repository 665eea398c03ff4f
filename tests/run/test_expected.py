"""What a run is expected to take: what is counted, and what each costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.io import print_table
from benchmarks.run.expected import expected
from benchmarks.vocabulary import LATENCY, MEASURE, PREDICT, STAGES, TRAIN
from tests.processes import status_of
from tests.runs import DIGITS, Run, run_of


def counts(run: Run, stage: str) -> dict[str, int]:
    """By what a stage does, how often."""
    table = expected(*run)
    own = table[table["stage"] == stage]
    return dict(zip(own["what"], own["count"], strict=True))


def test_what_a_small_run_does_is_counted(tmp_path: Path) -> None:
    few = replace(DIGITS, methods=("softmax", "mc_dropout"), scores="unfitted")
    run = run_of(few, tmp_path)
    trained = counts(run, TRAIN)
    assert trained["well-trained, 1 epochs"] == trained["well-trained-epochs-2, 2 epochs"] == 2
    assert sum(trained.values()) == len(run.plan.networks())
    # Of MC-dropout both numbers of passes.
    assert counts(run, PREDICT) == {"networks": 4, "mc_dropout": 2 * 2 * 2}
    # Clean, two angles and noise.
    assert counts(run, MEASURE) == {"predictions": 4 * (2 * 2 + 2 * 2 * 2)}
    table = expected(*run)
    assert {*table["stage"]} == {*STAGES} - {"claims", "experiments"}
    assert (table["seconds"] > 0).all()
    networks = table[table["stage"] == TRAIN].set_index("what")["seconds"]
    assert networks.iloc[1] == pytest.approx(2 * networks.iloc[0])


def test_what_is_there_is_not_counted_again(digits_run: Path) -> None:
    run = run_of(DIGITS, digits_run)
    assert [counts(run, stage) for stage in (TRAIN, PREDICT, LATENCY)] == [{}, {}, {}]
    assert counts(run, MEASURE)["predictions"] > 0


def test_plan_is_printed_at_once_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--task", "digits", "--networks", tmp_path / "networks"]
    assert status_of(*words, "--out", tmp_path / "out", "--plan") == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in (*STAGES[:4], "report", "well-trained", "all"))
    assert not (tmp_path / "out").exists()


def test_numbers_are_whole_beside_words_that_are_too_long_for_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_table(("stage", "what", "count", "CPU seconds"), [("train", 75 * "x", 50, 11_250)])
    printed = capsys.readouterr().out
    assert "11,250" in printed
    assert printed.count("x") == 75
