"""How a run's files are read back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.io import UserError
from benchmarks.report.figures import draw_figure
from benchmarks.report.results import Results
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import NOUNS_JSON
from tests.report.support import page_of


def test_sizes_are_ordered_as_numbers_and_custom_methods_come_last(make_run) -> None:
    folder = make_run(custom=True, members=(3, 12), passes=(20, 100, 5), conditions=())
    results = Results.load(folder)
    assert list(map(results.names.label, results.contestants)) == [
        "Softmax",
        *(f"MC-dropout, T = {passes}" for passes in (5, 20, 100)),
        *(f"Deep ensemble, M = {members}" for members in (3, 12)),
        "my_method, M = 5",
    ]
    # T = 5 is the size of the custom method; both sizes of the ensemble are shown.
    assert [v.members for v in results.shown] == ["1", "5", "100", "3", "12", "5"]
    assert [v.members for v in results.largest] == ["1", "100", "12", "5"]


def test_method_that_failed_has_a_line_in_tables_and_none_in_figures(make_run) -> None:
    results = Results.load(make_run(fails="deep_ensemble", replicates=1))
    assert "Deep ensemble, M = 4" in map(results.names.label, results.contestants)
    assert "deep_ensemble" not in {contestant.method for contestant in results.shown}


def test_folder_without_curves_or_images_is_read(made_up_run: Path, tmp_path: Path) -> None:
    for name in ("measurements.csv", "summary.csv", NOUNS_JSON):
        (tmp_path / name).write_bytes((made_up_run / name).read_bytes())
    results = Results.load(tmp_path)
    assert results.curve("roc").empty
    assert results.images == {}
    assert results.answer.empty
    assert not results.judged(1)


def test_conditions_without_data_are_left_out_by_name(make_run: Callable[..., Path]) -> None:
    names = ("rotated-045", "subset-rotated-045", "ood-kmnist")
    folder = make_run(
        methods=("softmax",),
        slow=True,
        conditions=("rotated-0[34]?", "ood-kmnist"),
        unavailable=dict.fromkeys(names, "asleep"),
    )
    assert Results.load(folder).left_out == ("45°", "KMNIST")


@pytest.fixture
def of_groups(make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of groups of severities without a mean: one of negative ones, one without labels."""
    dimmed = (
        Condition(f"dim{s}", f"{s} %", "brightness", "mnist", severity=s) for s in (-40, 20, -20)
    )
    inverted = (
        Condition(
            *(f"far{s}", f"Far {s}", "calibration", "mnist"),
            **{"severity": s, "labels": "none", "reason": "inverted", "in_mean": False},
        )
        for s in (50, 100)
    )
    task = replace(MNIST, conditions=(*MNIST.conditions, *dimmed, *inverted))
    monkeypatch.setitem(TASKS, "mnist", task)
    return make_run(methods=("softmax",), conditions=("rotated-0[34]?", "dim*", "far*"))


def test_group_of_severities_without_a_mean_is_shown_by_its_conditions(of_groups: Path) -> None:
    results = Results.load(of_groups)
    assert results.main_conditions == (
        *("clean", "rotated-mean", "dim-40", "dim20", "dim-20", "far50", "far100"),
    )
    drawn = draw_figure(results, "brightness")
    lines = drawn.numbers
    assert list(lines.loc[lines["metric"] == "nll", "severity"]) == [-40, -20, 0, 20]
    assert drawn.figure.axes[0].get_xlim()[0] < -40
    metrics = set(draw_figure(results, "calibration").numbers["metric"])  # without labels
    assert {"auroc", "predictive_entropy"} <= metrics
    assert not metrics & {"accuracy", "nll", "brier", "ece"}


def test_group_may_be_called_as_a_section_of_the_page(of_groups: Path) -> None:
    page = page_of(of_groups)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert {"calibration", "group-brightness"} < set(ids)
    assert len(ids) == len(set(ids))


def test_file_of_something_else_among_the_curves_is_named(
    made_up_run: Path, tmp_path: Path
) -> None:
    for name in ("summary.csv", "nouns.json"):
        shutil.copy(made_up_run / name, tmp_path / name)
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves" / "mine.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"mine\.csv is no file of a run"):
        Results.load(tmp_path)
