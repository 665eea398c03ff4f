"""The whole report: that it is drawn from files alone, always alike, whatever a run consists of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib import style

from benchmarks.io import UserError
from benchmarks.report import write_report
from benchmarks.report.figures import figure_names
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import tables_of
from tests.made_up import SMALL
from tests.report.support import page_of


def drawn(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "figures").glob("*.png")}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for part in ("tables", "figures")
        for path in (folder / part).iterdir()
    }


def test_every_table_and_figure_is_written_in_all_its_forms(made_up_run: Path) -> None:
    results = Results.load(made_up_run)
    assert drawn(made_up_run) == {*figure_names(results)}
    assert {path.suffix for path in (made_up_run / "figures").iterdir()} == {".png", ".svg", ".csv"}
    written = {path.name for path in (made_up_run / "tables").iterdir()}
    tables = {table.name for table in tables_of(results)} | {"claims"}
    assert written == {f"{name}.{suffix}" for name in tables for suffix in ("md", "csv")}


def test_run_without_any_value_has_a_report_without_figures_of_methods(make_run: Any) -> None:
    folder = make_run(fails=SMALL.methods)
    write_report(folder)
    assert drawn(folder) == {"conditions"}
    assert "not predicted yet" in (folder / "tables" / "main.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_everything_is_drawn_again_from_the_same_files_byte_for_byte(
    made_up_run: Path, made_up_copy: Path
) -> None:
    with style.context("dark_background"):
        write_report(made_up_copy)
    again, before = contents(made_up_copy), contents(made_up_run)
    assert again.keys() == before.keys()
    assert [name for name in before if again[name] != before[name]] == []


def test_folder_without_results_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there are no results in .* run without --only first"):
        write_report(tmp_path)


@pytest.mark.parametrize("name", ["measurements.csv", "answer.csv"])
def test_report_without_a_table_is_refused_and_changes_nothing(
    name: str, made_up_copy: Path
) -> None:
    (made_up_copy / name).unlink()
    before = contents(made_up_copy)
    with pytest.raises(UserError, match=f"no {name}, which the stage measure writes"):
        write_report(made_up_copy)
    assert contents(made_up_copy) == before


def test_no_date_nor_path_is_written(made_up_run: Path) -> None:
    private = [str(made_up_run.parent), str(Path.home()), "<dc:date>", "matplotlib.org"]
    for name, content in contents(made_up_run).items():
        text = content.decode("utf-8", errors="ignore")
        assert not [word for word in private if word in text], name


VARIATIONS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "one method of one member": ({"methods": ("softmax",)}, {"high-disagreement"}),
    "a custom method alone": ({"methods": (), "custom": True}, {"high-disagreement"}),
    "clean images alone": ({"conditions": ()}, {"rotated", "roc"}),
    "no set to be had": (
        {"unavailable": {f"ood-{kind}_noise": "asleep" for kind in ("uniform", "gaussian")}},
        {"roc"},
    ),
    "one replicate": ({"replicates": 1}, set()),
    "a slow method": ({"methods": ("softmax",), "slow": True}, {"high-disagreement"}),
    "a method that fails": ({"fails": "mc_dropout"}, set()),
    "a method that fails once": (
        {"custom": True, "fails": "my_method/budget-1/replicate-00"},
        set(),
    ),
}
"""What a run may consist of, and the figures that it cannot have."""


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIATIONS)
def test_runs_of_all_kinds_are_reported(name: str, make_run: Any) -> None:
    changes, missing = VARIATIONS[name]
    folder = make_run(**changes)
    results = Results.load(folder)
    assert ">nan<" not in page_of(folder)
    figures = {*figure_names(results)}
    assert "reliability" in figures
    assert not missing & figures
    tables = {table.name for table in tables_of(results)}
    assert {"leaderboard", "main"} <= tables
    assert ("detection" in tables) == ("roc" in figures)


def test_report_of_an_earlier_version_is_refused_and_left_alone(made_up_copy: Path) -> None:
    (made_up_copy / "nouns.json").unlink()
    before = contents(made_up_copy)
    with pytest.raises(UserError, match=r"no nouns\.json .* of an earlier version"):
        write_report(made_up_copy)
    assert contents(made_up_copy) == before
