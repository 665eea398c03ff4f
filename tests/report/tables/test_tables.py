"""The tables of a run: cells against its files, what stands below them, and which there are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, starmap
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.io import UserError
from benchmarks.metrics import METRICS
from benchmarks.nouns import Contestant, MetricRecord
from benchmarks.report import write_latency_tables
from benchmarks.report.results import Results
from benchmarks.report.tables.choice import chosen_table
from benchmarks.report.tables.declared import PIVOTS, table_name, tables_of
from benchmarks.report.tables.table import as_frame, markdown
from benchmarks.schema import read_table, where
from tests.made_up import timings, write_latency
from tests.report.support import NAMES, table_named

CONDITIONS = {"Clean": "clean", "Mean of 30°, 45°": "rotated-mean"}
CONDITIONS |= {"Uniform noise": "ood-uniform_noise"}

MAIN = tuple(name for name, metric in METRICS.items() if metric.shown != "detail")
CALIBRATION = tuple(name for name, metric in METRICS.items() if metric.needs == {"labels"})
UNCERTAINTY = tuple(name for name, metric in METRICS.items() if not metric.needs)


@pytest.fixture(scope="module")
def results(made_up_run: Path) -> Results:
    return Results.load(made_up_run)


def half_unit(text: str) -> float:
    """By how much a number may differ from one that is printed so."""
    return 0.5001 * 10.0 ** -len(text.partition(".")[2])


@pytest.mark.parametrize(
    ("name", "metrics"),
    [("main", MAIN), ("calibration", CALIBRATION), ("uncertainty", UNCERTAINTY)],
)
def test_cells_are_the_summarys_values(
    name: str, metrics: tuple[str, ...], made_up_run: Path
) -> None:
    printed = pd.read_csv(made_up_run / "tables" / f"{name}.csv", dtype=str)
    summary = read_table(made_up_run, "summary.csv")
    pairs = summary[["method", "members"]].drop_duplicates().itertuples(index=False)
    contestants = {
        NAMES.label(contestant): contestant
        for contestant in map(NAMES.natural, starmap(Contestant, pairs))
    }
    compared = 0
    for row in printed[printed["Images"].isin(CONDITIONS)].to_dict("records"):
        condition = CONDITIONS[row["Images"]]
        of_row = where(summary, **contestants[row["Method"]].columns, condition=condition)
        for metric in metrics:
            heading = NAMES.printed(metric).heading.replace("\n", " ")
            score = "predictive_entropy" if metric == "auroc" else ""
            known = of_row[(of_row["metric"] == metric) & (of_row["score"] == score)]
            if known.empty or math.isnan(known["value"].iloc[0]):
                assert row[heading] == ("undefined" if known.empty else known["status"].iloc[0])
                continue
            compared += 1
            value, spread = row[heading], row[f"{heading} ±"]
            assert float(value) == pytest.approx(known["value"].iloc[0], abs=half_unit(value))
            half = (known["upper"].iloc[0] - known["lower"].iloc[0]) / 2
            if math.isnan(half):
                assert isinstance(spread, float)
            else:
                assert float(spread) == pytest.approx(half, abs=half_unit(spread))
    assert compared > 60


def test_cells_without_a_value_have_a_reason(results: Results) -> None:
    text = markdown(table_named(results, "main"))
    cells = as_frame(table_named(results, "main")).query("Images == 'Clean'").iloc[0]
    assert cells["Method"] == "Softmax"
    undefined = {"Mutual information (nats)", "Disagreement", "AUROC ↑"}
    assert set(cells[cells == "undefined"].index) == undefined
    assert "— undefined: one member cannot disagree with itself, or not measured on these" in text


def test_slow_method_is_shown_on_the_subsets_alone_beside_all_others(
    make_run: Callable[..., Path],
) -> None:
    methods = ("softmax", "mc_dropout")
    folder = make_run(methods=methods, slow=True, conditions=("clean", "rotated-045"))
    table = table_named(Results.load(folder), "main")
    assert any("too slow for more images: my_method, M = 5" in each for each in table.remarks)
    rows = as_frame(table)
    shown = {images: {*own["Method"]} for images, own in rows.groupby("Images")}
    assert {"Clean, subset", "45°, subset"} < shown.keys()
    for images, names in shown.items():
        assert {"Softmax", "MC-dropout, T = 3", "MC-dropout, T = 8"} <= names
        assert ("my_method, M = 5" in names) == images.endswith("subset")


def test_there_are_at_most_thirteen_tables_each_with_notes_of_three_lines(results: Results) -> None:
    names = {pivot.name for pivot in PIVOTS} | {"front", "claims"}
    assert len(names) == len(PIVOTS) + 2 <= 13
    for table in tables_of(results):
        assert table.caption.endswith(".")
        text = markdown(table).rpartition("|\n")[2].strip()
        assert len(text.split("\n\n")) <= 3
        assert "±" not in markdown(table) or "± is half" in text


def test_mean_over_a_single_condition_is_one_row_with_it(results: Results) -> None:
    """Their labels are the same; two rows of one name say nothing."""
    for name in ("main", "detection"):
        rows = [(row.block, row.group, row.labels) for row in table_named(results, name).rows]
        assert len(set(rows)) == len(rows)


def test_every_metric_is_in_one_table_of_its_kind_whatever_it_needs(results: Results) -> None:
    every = ("labels", "members", "score", "reference")
    needs = [some for count in range(5) for some in combinations(every, count)]
    added = tuple(
        MetricRecord(f"added_{i}", f"Added-{i}-", needs=some, shown="detail")
        for i, some in enumerate(needs)
    )
    metrics = (*results.names.metrics, *added)
    # As if each metric had been measured everywhere by the primary score, those of sets too.
    rows = results.summary[results.summary["metric"] == "accuracy"]
    scored = {metric.name: "predictive_entropy" * ("score" in metric.needs) for metric in metrics}
    summary = pd.concat(
        rows.assign(metric=name, score=score, value=0.5, status="ok", reason="")
        for name, score in scored.items()
    )
    summary = pd.concat([summary, summary.assign(condition="ood-uniform_noise")])
    names = replace(results.names, metrics=metrics)
    tables = tables_of(replace(results, summary=summary, names=names))
    for metric in metrics:
        if metric.coverage < 1 or metric.level:
            continue  # their columns have headings of their own
        heading = names.printed(metric.name).heading
        having = [t.name for t in tables if heading in t.headings and t.name != "main"]
        assert set(having) - {"abstaining"} == {table_name(metric)} - {"abstaining"}


def test_errors_are_in_percent_by_the_share_abstained_on(results: Results) -> None:
    table, whole = (table_named(results, name) for name in ("abstaining", "calibration"))
    assert "Error (%)\nwithout 5 %" in table.headings
    for row, overall in zip(table.rows, whole.rows, strict=True):
        assert (row.group, row.labels) == (overall.group, overall.labels)
        assert row.cells[0].value == pytest.approx(100 * (1 - overall.cells[0].value))


def test_methods_fitted_on_other_images_are_marked(results: Results) -> None:
    methods = tuple(
        replace(one, images=55_000) if one.name == "my_method" else one
        for one in results.names.methods
    )
    changed = replace(results, names=replace(results.names, methods=methods))
    said = "Fitted on another number of images: my_method."
    assert said in table_named(changed, "main").remarks
    assert not any("Fitted" in remark for remark in table_named(results, "main").remarks)


def test_rows_stand_by_budget_and_ensembles_of_others_come_last(two_budgets_run: Path) -> None:
    of_two = Results.load(two_budgets_run)
    alone = [Contestant("softmax", "1"), Contestant("mc_dropout", "8")]
    two, five = (of_two.names.natural(Contestant("deep_ensemble", size)) for size in ("2", "5"))
    expected = {
        "Budget 1": alone,
        "Budget 5": [*(one._replace(budget=5.0) for one in alone), five],
        "More networks": [two],
    }
    table = table_named(of_two, "main")
    assert list(dict.fromkeys(row.block for row in table.rows)) == list(expected)
    for block, own in expected.items():
        shown = {row.labels[0] for row in table.rows if row.block == block}
        assert shown == {*map(of_two.names.label, own)}
    assert list(as_frame(table)["Training"]) == [row.block for row in table.rows]


@pytest.mark.parametrize(
    ("metric", "value", "guessing"),
    [
        ("nll", 2.32, "NLL 2.303"),  # more than log 10 by all of the interval, ± 0.01
        ("nll", 2.31, ""),
        ("accuracy", 0.08, "Accuracy 0.100"),
        ("accuracy", 0.095, ""),
        ("ece", 0.9, ""),
    ],
)
def test_value_is_marked_whose_interval_is_worse_than_guessing(
    metric: str, value: float, guessing: str
) -> None:
    row = {"method": "softmax", "members": "1", "budget": 1.0, "condition": "clean", "score": ""}
    row |= {"metric": metric, "value": value, "lower": value - 0.01, "upper": value + 0.01}
    row |= {"replicates": 1, "images": 80, "status": "ok", "reason": ""}
    shown = table_named(Results(pd.DataFrame([row]), NAMES), "calibration")
    assert [cell.guessing for cell in shown.rows[0].cells] == [guessing]


# Timings.


def test_costs_are_those_of_the_largest_size_by_device_and_engine(results: Results) -> None:
    frame = as_frame(table_named(results, "cost")).set_index(["Device", "Method"])
    assert not any("T = 4" in method for _, method in frame.index)
    passes = frame.loc["A Processor (1 thread)", "MC-dropout, T = 8"]
    for heading, value, half in (
        ("PyTorch (ms) 1 image", "8.00", "0.16"),
        ("Kernels (ms) 1 image", "0.800", "0.016"),
        ("Training (s) Kernels", "12.500", ""),
    ):
        assert (passes[heading], passes[f"{heading} ±"]) == (value, half)
    ensemble = frame.loc["A Processor (1 thread)", "Deep ensemble, M = 4"]
    assert (ensemble["Kernels (ms) 1 image"], ensemble["notes"]) == ("undefined", "not timed")


def test_timings_alone_are_reported(tmp_path: Path) -> None:
    write_latency(timings(), tmp_path)
    NAMES.write(tmp_path)
    write_latency_tables(tmp_path)
    written = {path.name for path in (tmp_path / "tables").glob("*.md")}
    assert written == {"cost.md"}
    assert not (tmp_path / "figures").exists()


def test_rows_and_columns_can_be_chosen(results: Results) -> None:
    size = results.largest[-1]
    key = results.names.key(size)
    table = chosen_table(
        "main", results, methods=[key], metrics=["nll", "accuracy"], columns=["nll"]
    )
    assert table is not None
    assert [heading.split()[0] for heading in table.headings] == ["NLL"]
    assert {row.labels for row in table.rows} == {(results.names.label(size),)}
    assert "AUROC" not in " ".join(table.remarks)
    whole = chosen_table("main", results)
    assert whole is not None
    column = [heading.split()[0] for heading in whole.headings].index("NLL")
    own = [row for row in whole.rows if row.labels == table.rows[0].labels]
    cells = {row.group: row.cells[column] for row in own if row.cells[column].status == "ok"}
    assert {row.group: row.cells[0] for row in table.rows} == cells


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"methods": ["softmux"]}, "'main' has no 'softmux' of what is chosen; .*softmax"),
        ({"metrics": ["mce", "nll"]}, "has no 'mce'"),
        ({"columns": ["speed"]}, "has 0 columns 'speed'; choose one from accuracy, nll nats"),
    ],
)
def test_what_a_table_has_not_is_named(
    results: Results, chosen: dict[str, list[str]], expected: str
) -> None:
    with pytest.raises(UserError, match=expected):
        chosen_table("main", results, **chosen)
