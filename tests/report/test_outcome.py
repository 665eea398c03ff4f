"""What the terminal shows at the end of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.report.answer import best_sets
from benchmarks.report.outcome import show_best, show_best_sets, show_outcome
from benchmarks.run.measurements import summarise
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.schema import Measurement, table_of, write_table
from methods import METHODS
from tests.report.made_answers import MANY, by_chance
from tests.report.test_answer import with_shares
from tests.runs import FULL

ROW = Measurement("mc_dropout", "100", 1.0, "clean", "", "accuracy", 0, 0.97654321, 100)


@pytest.fixture(autouse=True)
def terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def shown(folder: Path, rows: list[Measurement], capsys: pytest.CaptureFixture[str]) -> str:
    folder.mkdir(exist_ok=True)
    write_table(summarise(table_of(Measurement, rows)), folder, "summary.csv")
    every = replace(FULL, conditions=("*",), methods=(*METHODS,))
    nouns_of(Plan(every), metric_records(10)).write(folder)
    show_outcome(folder)
    return capsys.readouterr().out


def test_methods_stand_with_their_five_numbers_in_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = [
        ("clean", "accuracy", ""),
        ("clean", "nll", ""),
        ("corrupted-mean", "brier", ""),
        ("corrupted-mean", "augrc", "predictive_entropy"),
        ("out-of-distribution-mean", "auroc", "predictive_entropy"),
        ("corrupted-mean", "nll", ""),
        ("out-of-distribution-mean", "auroc", "mutual_information"),
    ]
    long = replace(ROW, method="mc_dropout_without_blanks")
    rows = [
        replace(long, condition=condition, metric=metric, score=score, value=i / 10)
        for i, (condition, metric, score) in enumerate(columns)
    ]
    table = shown(tmp_path, rows, capsys).partition("\nwrote")[0].splitlines()
    (line,) = [line for line in table if "MC-dropout" in line]
    assert line.split()[-6:] == ["0.000", "0.100", "0.200", "0.300", "0.400", "1"]
    assert max(map(len, table)) <= 80
    assert "…" not in line


def test_best_sets_stand_with_how_often_each_stays(capsys: pytest.CaptureFixture[str]) -> None:
    results = with_shares(by_chance(MANY, 2))
    show_best(results)
    show_best_sets(results)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.split())
    for each in best_sets(results):
        for choice, share in each.stays.items():
            assert f"{results.label(choice).replace(' = ', '=')} {share:.0%}" in words
    show_best_sets(replace(results, answer=pd.DataFrame()))
    assert capsys.readouterr().out == ""


def test_answer_time_and_page_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / ("a folder with a long name and [brackets] " * 3)
    folder.mkdir()
    configuration = {"preset": "quick", "epochs": 2, "images": 2000}
    record = {"seconds": {"train": 100, "predict": 25.4}, "configuration": configuration}
    (folder / "run.json").write_text(json.dumps(record))
    assert shown(folder, [ROW], capsys).splitlines()[-1] == f"wrote {folder}/"
    (folder / "index.html").write_text("<!DOCTYPE html>")
    *_, preview, took, opened = shown(folder, [ROW], capsys).splitlines()
    assert preview.startswith("Preview")
    assert took.startswith("took 0:02:05 in all")
    assert opened == f"open {folder / 'index.html'}"
