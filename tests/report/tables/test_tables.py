"""The tables of a run: cells against its files, what stands below them, and which there are."""

from __future__ import annotations

import math
import re
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
from benchmarks.report.tables.declared import made_of, pivots, table_kind_of
from benchmarks.report.tables.table import Table, as_frame, latex, markdown
from benchmarks.schema import Latency, read_table, table_of, where
from methods.scores import SCORES
from tests.made_up import LATENCY, timings, write_latency
from tests.report.support import NAMES, made_table, nouns, table_named

CONDITIONS = {"Clean": "clean", "Mean of 30°, 45°": "rotated-mean"}
CONDITIONS |= {"Uniform noise": "ood-uniform_noise"}

MAIN = tuple(name for name, metric in METRICS.items() if metric.shown != "detail")
CALIBRATION = tuple(name for name, metric in METRICS.items() if metric.needs == {"labels"})
UNCERTAINTY = tuple(name for name, metric in METRICS.items() if not metric.needs)

LEFT_OUT = "Left out, because their data are not available: "


@pytest.fixture(scope="module")
def results(made_up_run: Path) -> Results:
    return Results.load(made_up_run)


@pytest.fixture(scope="module")
def with_slow(make_run: Callable[..., Path]) -> Results:
    folder = make_run(
        methods=("softmax", "mc_dropout"),
        slow=True,
        conditions=("clean", "rotated-045", "ood-fashion_mnist"),
        unavailable={"ood-fashion_mnist": "asleep"},
    )
    return Results.load(folder)


def measured_tables(results: Results) -> list[Table]:
    return made_of(pivots(results), results)


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
    assert "— undefined: one member cannot disagree with itself, or " in text
    assert "the images have no label" in text


def test_conditions_without_data_are_left_out_in_one_remark(results: Results) -> None:
    for table in measured_tables(results):
        text = markdown(table)
        assert "Name or service not known" not in text
        is_listing = table.name in {"main", "detection"}
        assert text.count(f"{LEFT_OUT}Gaussian noise.") == is_listing
        assert text.count("Gaussian noise") == is_listing


def test_slow_method_is_shown_on_the_subsets_only_and_beside_all_others(with_slow: Results) -> None:
    texts = {table.name: markdown(table) for table in measured_tables(with_slow)}
    assert "80 images per condition" in texts["main"]
    subset = texts.pop("subset")
    assert r"Too slow for more images: my\_method, M = 5." in subset
    assert "40 images per condition" in subset
    assert f" {LEFT_OUT}Fashion-MNIST.\n" in subset
    clean, rotated = re.split(r"\n\| \*\*", subset)[1:]
    for group, name in ((clean, "Clean"), (rotated, "45°")):
        assert group.startswith(f"{name}, subset**")
        for method in ("Softmax", "MC-dropout, T = 3", "MC-dropout, T = 8", r"my\_method, M = 5"):
            assert f"| {method} |" in group
    assert not [name for name, text in texts.items() if r"my\_method" in text]


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


def test_every_table_says_what_it_shows_and_what_intervals_cover_in_three_lines(
    results: Results,
) -> None:
    names = [pivot.name for pivot in pivots(results)]
    assert len(set(names)) == len(names) <= 24
    for table in measured_tables(results):
        assert table.caption.endswith(".")
        text = markdown(table).rpartition("|\n")[2].strip()
        assert len(text.split("\n\n")) <= 3
        without = ("abstaining", "worth", "latency", "resources")
        assert table.name in without or "docs/statistics.md" in text


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
    others = ("main", "subset", "shifts")
    for metric in metrics:
        if metric.coverage < 1:
            continue  # the table of abstaining has these together
        heading = names.printed(metric.name).heading
        having = [t.name for t in tables if heading in t.headings and t.name not in others]
        assert len(having) == 1
        assert having[0].startswith(table_kind_of(metric))


def test_kinds_of_a_shift_stand_together_with_their_mean(results: Results) -> None:
    names = nouns(conditions=("corrupted-*",))
    corrupted = [one.name for one in names.conditions if one.group == "corrupted"]
    rows = results.summary[results.summary["condition"] == "clean"]
    summary = pd.concat(rows.assign(condition=name) for name in ("clean", *corrupted))
    table = table_named(replace(results, summary=summary, names=names), "shifts")
    assert list(table.groups) == [names.condition(name).label for name in corrupted]
    assert "mean of" in list(table.groups)[-1]
    assert made_table(results, "shifts") is None


def test_errors_are_in_percent_by_the_share_abstained_on(results: Results) -> None:
    table, whole = (table_named(results, name) for name in ("abstaining", "calibration"))
    assert "Abstains\non 5 %" in table.headings
    for row, of_all in zip(table.rows, whole.rows, strict=True):
        assert (row.group, row.labels) == (of_all.group, of_all.labels)
        assert row.cells[0].value == pytest.approx(100 * (1 - of_all.cells[0].value))
    names = replace(NAMES, metrics=tuple(one for one in NAMES.metrics if one.coverage == 1))
    assert made_table(replace(results, names=names), "abstaining") is None


def test_error_in_percent_is_worse_than_guessing_where_the_share_is(results: Results) -> None:
    names = [metric.name for metric in NAMES.metrics if metric.coverage < 1]
    wrong = {"value": 0.95, "lower": 0.91, "upper": 0.99}
    summary = results.summary.copy()
    summary.loc[summary["metric"] == names[0], list(wrong)] = tuple(wrong.values())
    is_right = summary["metric"] == "accuracy"
    summary.loc[is_right, list(wrong)] = 0.05, 0.01, 0.09
    table = table_named(replace(results, summary=summary), "abstaining")
    marked = [
        heading
        for heading, cell in zip(table.headings, table.rows[0].cells, strict=True)
        if cell.guessing
    ]
    assert marked == ["Error of\nall images", "Abstains\non 1 %"]
    assert {cell.guessing for row in table.rows for cell in row.cells} == {"", "error 90 %"}


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
    alone = [Contestant(name, size) for name, size in (("softmax", "1"), ("mc_dropout", "8"))]
    two, five = (of_two.names.natural(Contestant("deep_ensemble", size)) for size in ("2", "5"))
    expected = {
        "Budget 1": alone,
        "Budget 5": [*(one._replace(budget=5.0) for one in alone), five],
        "More networks": [two],
    }
    labels = {name: [*map(of_two.names.label, own)] for name, own in expected.items()}
    table = table_named(of_two, "main")
    assert list(dict.fromkeys(row.block for row in table.rows)) == list(expected)
    shown = {block: {r.labels[0] for r in table.rows if r.block == block} for block in labels}
    assert shown == {block: {*own} for block, own in labels.items()}
    assert list(as_frame(table)["Training"]) == [row.block for row in table.rows]
    assert latex(table).count("Budget 5 &") == sum(row.block == "Budget 5" for row in table.rows)


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


def test_latency_is_tabled_by_device_and_batch_size(results: Results) -> None:
    text = markdown(table_named(results, "latency"))
    heading, one, all_threads = text.split("\n| **")
    engines = ["PyTorch", "PyTorch", "Kernels", "Kernels"]
    assert re.findall(r"(\w+)<br>\d+ image", heading) == engines
    assert one.startswith("A Processor (1 thread)**")
    assert "| MC-dropout, T = 8 | 8.00 ± 0.16 | 88.0 ± 1.8 | 0.800 ± 0.016 | 8.80 ± 0.18 |" in one
    assert "| Deep ensemble, M = 4 | 12.00 ± 0.24 | 132.0 ± 2.6 | — | — |" in one
    assert "T = 4" not in text
    assert all_threads.startswith("A Processor (2 threads)**")


def test_scores_are_tabled_beside_one_another(results: Results) -> None:
    rows = [replace(LATENCY, score=score, batch_size=64) for score in ("energy", "max_logit")]
    latency = pd.concat([results.latency, table_of(Latency, rows)])
    table = table_named(replace(results, latency=latency), "latency-scores")
    assert table.headings == ("Fitting\n(s)", "PyTorch\n64 images")
    assert [row.labels[0] for row in table.rows] == ["Energy", "Max. logit"]


def test_resources_are_those_of_the_largest_size(results: Results) -> None:
    frame = as_frame(table_named(results, "resources")).set_index("Method")
    assert list(frame["Parameters (thousands)"]) == ["61.706"] * 3
    of_passes = frame.loc["MC-dropout, T = 8"]
    rate = float(of_passes["Thousand images per second PyTorch"])
    assert rate == pytest.approx(64 / 88, abs=1e-3)
    assert float(of_passes["Training (s) Kernels"]) == 12.5
    assert "Training (s) PyTorch" not in frame
    assert frame.loc["Deep ensemble, M = 4", "Training (s) Kernels"] == "undefined"


def test_timings_alone_are_reported(tmp_path: Path) -> None:
    write_latency(timings(), tmp_path)
    NAMES.write(tmp_path)
    write_latency_tables(tmp_path)
    written = {path.name for path in (tmp_path / "tables").glob("*.md")}
    assert written == {"latency.md", "resources.md"}
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
