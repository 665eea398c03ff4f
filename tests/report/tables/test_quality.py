"""The cells of the tables of quality, against `summary.csv`."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.metrics import METRICS
from benchmarks.nouns import MetricRecord, Variant
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import kind_of, made_of, pivots
from benchmarks.report.tables.table import Table, markdown
from benchmarks.schema import read_table
from methods.scores import SCORES
from tests.report.support import NAMES, made_table, nouns, table_named

CONDITIONS = {"Clean": "clean", "Mean of 30°, 60°": "rotated-mean"}
CONDITIONS |= {"Uniform noise": "ood-uniform_noise"}

MAIN = tuple(name for name, metric in METRICS.items() if metric.shown != "detail")
CALIBRATION = tuple(name for name, metric in METRICS.items() if metric.needs == {"labels"})
UNCERTAINTY = tuple(name for name, metric in METRICS.items() if not metric.needs)

LEFT_OUT = "Left out, because their data are not available: "


@pytest.fixture(scope="module")
def results(reported: Path) -> Results:
    return Results.load(reported)


def measured_tables(results: Results) -> list[Table]:
    return made_of(pivots(results), results)


def half_unit(text: str) -> float:
    """By how much a number may differ from one that is printed so."""
    return 0.5001 * 10.0 ** -len(text.partition(".")[2])


@pytest.mark.parametrize(
    ("name", "metrics"),
    [("main", MAIN), ("calibration", CALIBRATION), ("uncertainty", UNCERTAINTY)],
)
def test_cells_are_the_summarys_values(name: str, metrics: tuple[str, ...], reported: Path) -> None:
    printed = pd.read_csv(reported / "tables" / f"{name}.csv", dtype=str)
    summary = read_table(reported, "summary.csv")
    variants = {
        NAMES.label(Variant(*pair)): pair
        for pair in zip(summary["method"], summary["members"], strict=True)
    }
    compared = 0
    assert set(printed["Recipe"]) == {"standard"}
    for row in printed[printed["Images"].isin(CONDITIONS)].to_dict("records"):
        method, members = variants[row["Method"]]
        of_row = summary[
            (summary["method"] == method)
            & (summary["members"] == members)
            & (summary["condition"] == CONDITIONS[row["Images"]])
        ]
        for metric in metrics:
            heading = NAMES.printed(metric).heading.replace("\n", " ")
            score = "predictive_entropy" if metric == "auroc" else ""
            found = of_row[(of_row["metric"] == metric) & (of_row["score"] == score)]
            if found.empty or math.isnan(found["value"].iloc[0]):
                assert row[heading] == ("undefined" if found.empty else found["status"].iloc[0])
                continue
            compared += 1
            value, spread = row[heading], row[f"{heading} ±"]
            assert float(value) == pytest.approx(found["value"].iloc[0], abs=half_unit(value))
            half = (found["upper"].iloc[0] - found["lower"].iloc[0]) / 2
            if math.isnan(half):
                assert isinstance(spread, float)
            else:
                assert float(spread) == pytest.approx(half, abs=half_unit(spread))
    assert compared > 40


def test_cells_without_a_value_have_a_reason(reported: Path) -> None:
    text = (reported / "tables" / "main.md").read_text()
    softmax = text[text.index("**Clean**") :].splitlines()[1]
    assert softmax.startswith("| Softmax | 0.")
    assert softmax.endswith("| — | — | — |")
    assert "— undefined: one member cannot disagree with itself, or " in text
    assert "the images have no label" in text


def test_conditions_without_data_are_left_out_in_one_remark(results: Results) -> None:
    for table in measured_tables(results):
        text = markdown(table)
        assert "Name or service not known" not in text
        is_listing = table.name in {"main", "detection"}
        assert text.count(f"{LEFT_OUT}Gaussian noise.\n") == is_listing
        assert text.count("Gaussian noise") == is_listing


def test_exact_mc_dropout_is_shown_on_the_subsets_only_and_beside_all_others(make_run) -> None:  # type: ignore[no-untyped-def]
    folder = make_run(
        methods=("softmax", "mc_dropout", "mc_dropout_exact"),
        conditions=("clean", "rotated-045", "ood-fashion_mnist"),
        unavailable={"ood-fashion_mnist": "asleep"},
    )
    found = {table.name: markdown(table) for table in measured_tables(Results.load(folder))}
    assert "80 images per condition" in found["main"]
    text = found.pop("subset")
    assert "Too slow for more images: MC-dropout, exact." in text
    assert "40 images per condition" in text
    assert f" {LEFT_OUT}Fashion-MNIST.\n" in text
    clean, rotated = re.split(r"\n\| \*\*", text)[1:]
    for group, name in ((clean, "Clean"), (rotated, "45°")):
        assert group.startswith(f"{name}, subset**")
        for method in ("Softmax", "MC-dropout, T = 3", "MC-dropout, T = 8", "MC-dropout, exact"):
            assert f"| {method} |" in group
    assert "What sampling changes" in found.pop("exact")
    assert not [name for name, text in found.items() if "exact" in text]


def test_scores_have_a_row_each_by_one_metric(results: Results) -> None:
    for name, images, metric in (
        ("detection-scores", "Uniform noise", "AUROC ↑"),
        ("selective-scores", "Clean", "AUGRC ↓"),
    ):
        table = table_named(results, name)
        assert table.headings == (images,)
        assert metric in table.caption
        rows = {
            method: [row.labels[0] for row in table.rows if row.group == method]
            for method in ("MC-dropout, T = 8", "my_method, M = 5")
        }
        known = [score.label for score in SCORES.values()]
        assert set(rows["MC-dropout, T = 8"]) <= set(known)
        assert rows["my_method, M = 5"][-1] == "own_score"


def test_notes_of_every_table_fit_in_three_lines_and_say_what_intervals_cover(
    results: Results,
) -> None:
    for table in measured_tables(results):
        assert 1 <= len([*table.notes()]) <= 3
        text = markdown(table).rpartition("|\n")[2].strip()
        assert len(text.split("\n\n")) <= 3
        assert table.name == "abstaining" or "what it covers: docs/statistics.md" in text


def test_one_replicate_has_an_interval_over_images(make_run) -> None:  # type: ignore[no-untyped-def]
    results = Results.load(make_run(replicates=1, methods=("softmax",)))
    text = markdown(table_named(results, "calibration"))
    assert text.count(" ± ") > 10
    assert "Means over replicates (1)." in text
    assert "Bold" not in text


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
    tables = measured_tables(replace(results, summary=summary, names=names))
    others = ("main", "overview", "subset", "shifts")
    for metric in metrics:
        if metric.coverage < 1:
            continue  # the table of abstaining has these together
        heading = names.printed(metric.name).heading
        found = [t.name for t in tables if heading in t.headings and t.name not in others]
        assert len(found) == 1
        assert found[0].startswith(kind_of(metric))


def test_overview_has_few_metrics_of_few_conditions(results: Results) -> None:
    found = [heading.replace("\n", ", ") for heading in table_named(results, "overview").headings]
    measured = ("Accuracy ↑", "ECE ↓", "Disagreement")
    expected = [f"{m}, {images}" for images in ("Clean", "Mean of 30°, 60°") for m in measured]
    assert found == [*expected, "AUROC ↑, Uniform noise"]


def test_kinds_of_a_shift_stand_together_with_their_mean(results: Results) -> None:
    names = nouns(conditions=("corrupted-*",))
    corrupted = [one.name for one in names.conditions if one.group == "corrupted"]
    rows = results.summary[results.summary["condition"] == "clean"]
    summary = pd.concat(rows.assign(condition=name) for name in ("clean", *corrupted))
    table = table_named(replace(results, summary=summary, names=names), "shifts")
    assert list(table.groups) == [names.condition(name).label for name in corrupted]
    assert "mean of" in list(table.groups)[-1]
    assert made_table(results, "shifts") is None


def test_paired_differences_of_every_size_say_what_sampling_changes(make_run) -> None:  # type: ignore[no-untyped-def]
    folder = make_run(
        methods=("softmax", "mc_dropout", "mc_dropout_exact"), conditions=("clean", "rotated-045")
    )
    results = Results.load(folder)
    table = table_named(results, "exact")
    assert [row.labels[0] for row in table.rows] == ["MC-dropout, T = 3", "MC-dropout, T = 8"] * 2
    errors = results.curve("sampling_error")
    (line,) = errors[
        (errors["members"] == "8")
        & (errors["condition"] == "subset-rotated-045")
        & (errors["measure"] == "predictive_entropy")
    ].to_dict("records")
    cell = table.rows[-1].cells[table.headings.index("Predictive\nentropy\n(nats)")]
    assert cell.value == line["difference"]
    assert cell.half_width == pytest.approx((line["upper"] - line["lower"]) / 2)


def test_errors_are_in_percent_by_the_share_abstained_on(results: Results) -> None:
    table, whole = table_named(results, "abstaining"), table_named(results, "calibration")
    assert "Abstains\non 5 %" in table.headings
    for row, of_all in zip(table.rows, whole.rows, strict=True):
        assert (row.group, row.labels) == (of_all.group, of_all.labels)
        assert row.cells[0].value == pytest.approx(100 * (1 - of_all.cells[0].value))
    more = MetricRecord("half", "Half", coverage=0.5)
    names = replace(NAMES, metrics=(more, *NAMES.metrics))
    coverages = [metric.coverage for metric in replace(results, names=names).abstained]
    assert coverages == [1, 0.99, 0.95, 0.9, 0.8, 0.5]
    names = replace(NAMES, metrics=tuple(one for one in NAMES.metrics if one.coverage == 1))
    assert made_table(replace(results, names=names), "abstaining") is None


def test_a_run_has_few_tables_and_each_says_what_it_shows(results: Results) -> None:
    names = [pivot.name for pivot in pivots(results)]
    assert len(set(names)) == len(names)
    assert len(names) + len(("decision", "claims")) <= 25
    assert all(table.caption.endswith(".") for table in measured_tables(results))
