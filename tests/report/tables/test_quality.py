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
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.formats import markdown
from benchmarks.report.tables.quality import (
    calibration_table,
    kind_of,
    main_table,
    overview_table,
    quality_tables,
    subset_table,
)
from benchmarks.report.tables.table import Table
from benchmarks.schema import read_table
from methods.scores import SCORES
from tests.report.support import NAMES, comparisons

CONDITIONS = {"Clean": "clean", "Mean of 30°, 60°": "rotated-mean"}
CONDITIONS |= {"Uniform noise": "ood-uniform_noise"}

MAIN = tuple(name for name, metric in METRICS.items() if metric.shown != "detail")
CALIBRATION = tuple(name for name, metric in METRICS.items() if metric.needs == {"labels"})
UNCERTAINTY = tuple(name for name, metric in METRICS.items() if not metric.needs)

LEFT_OUT = "Left out, because their data are not available: "


def half_unit(text: str) -> float:
    """By how much a number may differ from one that is printed so."""
    return 0.5001 * 10.0 ** -len(text.partition(".")[2])


def heading_of(metric: str) -> str:
    return NAMES.printed(metric).heading.replace("\n", " ")


@pytest.mark.parametrize(
    ("name", "metrics"),
    [("main", MAIN), ("calibration", CALIBRATION), ("uncertainty", UNCERTAINTY)],
)
def test_cells_are_the_summarys_values(name: str, metrics: tuple[str, ...], reported: Path) -> None:
    printed = pd.read_csv(reported / "tables" / f"{name}-standard.csv", dtype=str)
    summary = read_table(reported, "summary.csv")
    variants = {
        NAMES.label(Variant(*pair)): pair
        for pair in zip(summary["method"], summary["members"], strict=True)
    }
    compared = 0
    for row in printed[printed["Images"].isin(CONDITIONS)].to_dict("records"):
        method, members = variants[row["Method"]]
        of_row = summary[
            (summary["method"] == method)
            & (summary["members"] == members)
            & (summary["condition"] == CONDITIONS[row["Images"]])
        ]
        for metric in metrics:
            heading = heading_of(metric)
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


def test_means_over_groups_is_that_of_each_replicate(reported: Path) -> None:
    measurements = read_table(reported, "measurements.csv")
    rows = measurements[
        (measurements["method"] == "mc_dropout")
        & (measurements["members"] == "8")
        & (measurements["metric"] == "nll")
        & measurements["condition"].isin(["rotated-030", "rotated-060"])
    ]
    results = Results.load(reported).of_recipe("standard")
    found = results.find(Variant("mc_dropout", "8"), Quantity("rotated-mean", "nll"))
    assert found is not None
    assert found["value"] == pytest.approx(rows["value"].mean())
    assert found["lower"] < found["value"] < found["upper"]
    assert found["replicates"] == 2
    assert "**Mean of 30°, 60°**" in markdown(main_table(results, "standard"))


def test_rotations_without_a_value_leave_the_mean_without_one(make_run) -> None:
    folder = make_run(lost=("rotated-060",))
    results = Results.load(folder).of_recipe("standard")
    found = results.find(Variant("softmax", "1"), Quantity("rotated-mean", "accuracy"))
    assert found is not None
    assert math.isnan(found["value"])
    assert (found["status"], found["reason"]) == ("failed", "not predicted yet")


def test_cells_without_a_value_have_a_reason(reported: Path) -> None:
    text = (reported / "tables" / "main-standard.md").read_text()
    softmax = text[text.index("**Clean**") :].splitlines()[1]
    assert softmax.startswith("| Softmax | 0.")
    assert softmax.endswith("| — | — | — |")
    assert "— undefined: one member cannot disagree with itself, or " in text
    assert "the images have no label" in text


def test_conditions_without_data_are_left_out_in_one_remark(reported: Path) -> None:
    listing = {"main", "detection"}
    for path in (reported / "tables").glob("*-standard.md"):
        text = path.read_text()
        assert "Name or service not known" not in text
        # The run has no predictions of calibration images.
        assert ("unavailable" in text) is (path.stem == "calibration-standard")
        is_listing = path.stem.removesuffix("-standard") in listing
        assert text.count(f" {LEFT_OUT}Gaussian noise.\n") == is_listing
        assert text.count("Gaussian noise") == is_listing


def test_exact_mc_dropout_is_shown_on_the_subsets_only_and_beside_all_others(make_run) -> None:
    folder = make_run(
        methods=("softmax", "mc_dropout", "mc_dropout_exact"),
        conditions=("clean", "rotated-045", "ood-fashion_mnist"),
        unavailable={"ood-fashion_mnist": "asleep"},
    )
    results = Results.load(folder).of_recipe("standard")
    found = {table.name: table for table in quality_tables(results, "standard")}
    text = markdown(found.pop("subset-standard"))
    assert "40 images per condition" in text
    clean, rotated = re.split(r"\n\| \*\*", text)[1:]
    for group, name in ((clean, "Clean"), (rotated, "45°")):
        assert group.startswith(f"{name}, subset**")
        for method in ("Softmax", "MC-dropout, T = 3", "MC-dropout, T = 8", "MC-dropout, exact"):
            assert f"| {method} |" in group
    assert rotated.count("0.") > 25
    assert f" {LEFT_OUT}Fashion-MNIST.\n" in text
    assert not [name for name, table in found.items() if "exact" in markdown(table)]
    assert "80 images per condition" in markdown(found["main-standard"])


def test_scores_of_a_custom_method_have_a_row(reported: Path) -> None:
    rows = pd.read_csv(reported / "tables" / "detection-scores-standard.csv", dtype=str)
    mine = rows[rows["Method"] == "my_method, M = 5"]
    assert list(mine["Score"])[-1] == "own_score"
    assert mine["Uniform noise"].iloc[-1].startswith("0.")
    assert "Gaussian noise" not in rows


def test_every_table_with_intervals_says_where_to_read_what_they_cover(reported: Path) -> None:
    results = Results.load(reported).of_recipe("standard")
    written = [(reported / "index.html").read_text(encoding="utf-8")]
    written += [markdown(table) for table in quality_tables(results, "standard")]
    for text in written:
        assert "what it covers: docs/statistics.md" in text


def test_notes_of_every_table_fit_in_three_lines(reported: Path) -> None:
    results = Results.load(reported).of_recipe("standard")
    for table in quality_tables(results, "standard"):
        assert 1 <= len(table.notes) <= 3
        assert len(markdown(table).rpartition("|\n")[2].strip().split("\n\n")) <= 3


def test_one_replicate_has_an_interval_over_images(make_run) -> None:
    results = Results.load(make_run(replicates=1, methods=("softmax",))).of_recipe("standard")
    text = markdown(calibration_table(results, "standard"))
    assert text.count(" ± ") > 10
    assert "Means over replicates (1). ± is half the width of the 95 % interval" in text
    assert "Bold" not in text


def row_of(
    method: str, members: str, value: float, *, metric: str = "accuracy"
) -> dict[str, object]:
    return {
        **{"recipe": "standard", "method": method, "members": members, "condition": "clean"},
        **{"score": "", "metric": metric, "value": value, "lower": value - 0.01},
        **{"upper": value + 0.01, "replicates": 1, "images": 80, "status": "ok", "reason": ""},
    }


def compared(
    one: str, other: str, p_value: float, metric: str = "accuracy", p_equivalent: float = math.nan
) -> dict[str, object]:
    methods = dict(zip(("method", "members"), one.split(), strict=True))
    methods |= dict(zip(("other_method", "other_members"), other.split(), strict=True))
    return methods | {"metric": metric, "p_holm": p_value, "p_equivalent": p_equivalent}


def verdicts(rows: list[dict[str, object]], tests: list[dict[str, object]]) -> list[str]:
    return [row.cells[0].verdict for row in calibration_of(rows, tests).rows]


def calibration_of(rows: list[dict[str, object]], tests: list[dict[str, object]]) -> Table:
    results = Results(pd.DataFrame(rows), NAMES, comparisons(tests))
    return calibration_table(results, "standard")


VALUES = [
    row_of("softmax", "1", 0.90),
    row_of("mc_dropout", "20", 0.99),
    row_of("mc_dropout", "50", 0.92),
    row_of("deep_ensemble", "50", 0.94),
]


@pytest.mark.parametrize(
    ("of_dropout", "of_softmax", "expected"),
    [
        (0.2, 0.01, ["", "untested", "tied", "best"]),
        (0.04, math.nan, ["untested", "untested", "", "best"]),
    ],
)
def test_best_is_marked_and_whatever_is_not_distinguished_from_it(
    of_dropout: float, of_softmax: float, expected: list[str]
) -> None:
    """A size that was compared with its own method only cannot be the best."""
    tests = [
        compared("deep_ensemble 50", "mc_dropout 50", of_dropout),
        compared("deep_ensemble 50", "softmax 1", of_softmax),
        compared("mc_dropout 50", "softmax 1", 0.9),
        compared("mc_dropout 20", "mc_dropout 50", 0.9),
    ]
    assert verdicts(VALUES, tests) == expected
    assert verdicts(VALUES, []) == [""] * 4


def test_only_a_test_says_that_a_method_is_equivalent_to_the_best() -> None:
    tests = [
        compared("deep_ensemble 50", "mc_dropout 50", 0.2, p_equivalent=0.01),
        compared("softmax 1", "deep_ensemble 50", 0.2, p_equivalent=0.2),
        compared("mc_dropout 50", "softmax 1", 0.9),
    ]
    rows = [row for row in VALUES if row["members"] != "20"]
    assert verdicts(rows, tests) == ["tied", "equivalent", "best"]
    text = markdown(calibration_of(rows, tests))
    assert "≈ equivalent to the best" in text
    assert "? not distinguished from the best" in text
    # What differs for sure is marked by nothing, however small the difference.
    different = [
        compared("deep_ensemble 50", "mc_dropout 50", 0.01, p_equivalent=0.01),
        *tests[1:],
    ]
    assert verdicts(rows, different) == ["tied", "", "best"]


def test_less_is_better_where_the_arrow_is_down_and_ill_defined_labels_win_nothing() -> None:
    tests = [compared("deep_ensemble 50", "softmax 1", 0.01, "nll")]
    rows = [
        row_of("softmax", "1", 0.2, metric="nll"),
        row_of("deep_ensemble", "50", 0.3, metric="nll"),
    ]
    column = CALIBRATION.index("nll")
    found = [row.cells[column].verdict for row in calibration_of(rows, tests).rows]
    assert found == ["best", ""]
    rows[0]["status"] = "ill-defined labels"
    table = calibration_of(rows, tests)
    assert [row.cells[column].verdict for row in table.rows] == ["", ""]
    assert markdown(table).count("†") == 1


def test_biased_measures_have_no_verdict_and_a_remark() -> None:
    rows = [row_of(method, "50", 0.1, metric="ece") for method in ("mc_dropout", "deep_ensemble")]
    tests = [compared("deep_ensemble 50", "mc_dropout 50", math.nan, "ece")]
    table = calibration_of(rows, tests)
    assert {cell.verdict for row in table.rows for cell in row.cells} == {""}
    assert "neither bold nor tested" in markdown(table)


def with_sets(results: Results) -> Results:
    """As if calibration images had been predicted, which tables of sets are for."""
    summary = results.summary.copy()
    of_sets = summary["metric"].isin([name for name, one in METRICS.items() if one.level])
    summary.loc[of_sets, ["value", "status", "reason"]] = 0.5, "ok", ""
    return replace(results, summary=summary)


def test_every_metric_is_in_one_table_of_its_kind_whatever_it_needs(reported: Path) -> None:
    every = ("labels", "members", "score", "reference")
    needs = [some for count in range(5) for some in combinations(every, count)]
    added = [
        MetricRecord(f"added_{i}", f"Added-{i}-", needs=some, shown="detail")
        for i, some in enumerate(needs)
    ]
    results = with_sets(Results.load(reported).of_recipe("standard"))
    metrics = (*results.names.metrics, *added)
    names = replace(results.names, metrics=metrics)
    tables = list(quality_tables(replace(results, names=names), "standard"))
    of_kinds = [one for one in tables if not one.name.startswith(("main", "overview", "subset"))]
    for metric in metrics:
        if metric.coverage < 1:
            continue  # the table of abstaining has these together
        printed = names.printed(metric.name)
        found = [table.name for table in of_kinds if printed.heading in table.headings]
        assert len(found) == 1
        assert found[0].startswith(kind_of(metric))


def test_table_of_few_images_names_the_methods_that_are_slow(make_run) -> None:
    folder = make_run(
        methods=("softmax", "mc_dropout", "mc_dropout_exact"),
        conditions=("clean", "rotated-045"),
    )
    results = Results.load(folder).of_recipe("standard")
    assert "can afford (MC-dropout, exact)." in subset_table(results, "standard").caption
    methods = tuple(replace(one, slow=one.name == "softmax") for one in results.names.methods)
    other = replace(results, names=replace(results.names, methods=methods))
    assert "can afford (Softmax)." in subset_table(other, "standard").caption


def test_scores_have_a_row_each_by_one_metric_of_detection_and_one_of_abstaining(
    reported: Path,
) -> None:
    results = Results.load(reported).of_recipe("standard")
    tables = {table.name: table for table in quality_tables(results, "standard")}
    for name, headings, metric in (
        ("detection-scores-standard", ("Uniform noise",), "AUROC ↑"),
        ("selective-scores-standard", ("Clean",), "AUGRC ↓"),
    ):
        assert tables[name].headings == headings
        assert f", by each score: {metric}. " in tables[name].caption
        scores = [row.labels[0] for row in tables[name].rows if row.group == "Softmax"]
        assert scores == [score.label for score in SCORES.values()]


def test_short_table_has_the_metrics_of_the_overview_alone(reported: Path) -> None:
    table = overview_table(Results.load(reported).of_recipe("standard"), "standard")
    found = [heading.replace("\n", ", ") for heading in table.headings]
    measured = ("Accuracy ↑", "ECE ↓", "Disagreement")
    expected = [f"{m}, {images}" for images in ("Clean", "Mean of 30°, 60°") for m in measured]
    assert found == [*expected, "AUROC ↑, Uniform noise"]
