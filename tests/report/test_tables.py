"""What is printed in a cell, against `summary.csv`; and how tables are written."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.records import read_table
from benchmarks.report.digits import rounded
from benchmarks.report.names import METRICS, Variant
from benchmarks.report.results import Results
from benchmarks.report.table import Cell, Row, Table, as_frame, latex, markdown
from benchmarks.report.tables import CALIBRATION, MAIN, calibration, main, tables

CONDITIONS = {"Clean": "clean", "30°": "rotated-030", "60°": "rotated-060", "120°": "rotated-120"}
CONDITIONS |= {"Uniform noise": "ood-uniform_noise", "Gaussian noise": "ood-gaussian_noise"}


def table_of(*cells: Cell, label: str = "mine") -> Table:
    headings = tuple(f"column {number}" for number in range(len(cells)))
    return Table("name", "A caption", "", ("Method",), headings, (Row("", (label,), cells),))


def half_unit(text: str) -> float:
    """By how much a number may differ from one that is printed so."""
    return 0.5001 * 10.0 ** -len(text.partition(".")[2])


@pytest.mark.parametrize(("name", "metrics"), [("main", MAIN), ("calibration", CALIBRATION)])
def test_cells_are_the_summarys_values(name: str, metrics: tuple[str, ...], reported: Path) -> None:
    printed = pd.read_csv(reported / "tables" / f"{name}-standard.csv", dtype=str)
    summary = read_table(reported / "summary.csv")
    variants = {
        Variant(*pair).label: pair
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
            heading = METRICS[metric].heading.replace("\n", " ")
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


def test_mean_over_rotations_is_that_of_each_replicate(reported: Path) -> None:
    measurements = read_table(reported / "measurements.csv")
    rows = measurements[
        (measurements["method"] == "mc_dropout")
        & (measurements["members"] == "8")
        & (measurements["metric"] == "nll")
        & measurements["condition"].isin(["rotated-030", "rotated-060"])
    ]
    results = Results.load(reported).of_recipe("standard")
    found = results.find(Variant("mc_dropout", "8"), "rotated-mean", "nll")
    assert found is not None
    assert found["value"] == pytest.approx(rows["value"].mean())
    assert found["lower"] < found["value"] < found["upper"]
    assert found["replicates"] == 2
    assert "**Mean of 30°, 60°**" in markdown(main(results, "standard"))


def test_rotations_without_a_value_leave_the_mean_without_one(make_run) -> None:
    folder = make_run(unavailable={"rotated-060": "lost"})
    results = Results.load(folder).of_recipe("standard")
    found = results.find(Variant("softmax", "1"), "rotated-mean", "accuracy")
    assert found is not None
    assert math.isnan(found["value"])
    assert (found["status"], found["reason"]) == ("unavailable", "lost")


def test_cells_without_a_value_say_why(reported: Path) -> None:
    text = (reported / "tables" / "main-standard.md").read_text()
    softmax = text[text.index("**Clean**") :].splitlines()[1]
    assert softmax.startswith("| Softmax | 0.")
    assert softmax.endswith("| — | — | — |")
    gaussian = text[text.index("**Gaussian noise**") :].splitlines()[1]
    letter = text[text.index(" unavailable: the mirror is asleep") - len("b</sup>")]
    assert gaussian.count(f"n/a <sup>{letter}</sup>") == 8
    assert "— undefined: one member cannot disagree with itself;" in text
    assert "out-of-distribution images have no label" in text


def test_doubtful_cells_are_marked_and_no_others(reported: Path) -> None:
    text = (reported / "tables" / "calibration-standard.md").read_text()
    *certain, ill_defined = re.split(r"\n\| \*\*", text.partition("\n\n† ")[0])
    assert ill_defined.startswith("120°")
    assert ill_defined.count("†") == len(CALIBRATION) * 5
    assert "†" not in "".join(certain)
    assert "\n† ill-defined labels: rotated by more than 90°, where labels are ill-defined" in text


def test_failure_is_a_footnote_whether_or_not_there_is_a_value() -> None:
    failed = Cell(status="failed", reason="ValueError: no")
    partly = Cell(0.5, status="failed", reason="ValueError: once")
    infinite = Cell(math.inf, status="ok", reason="2 of 80 labels were given the probability 0")
    text = markdown(table_of(failed, partly, infinite, failed))
    row = "n/a <sup>a</sup> | 0.500 <sup>b</sup> | ∞ <sup>c</sup> | n/a <sup>a</sup>"
    assert f"| mine | {row} |" in text
    assert "<sup>a</sup> failed: ValueError: no" in text
    assert "<sup>c</sup> 2 of 80 labels were given the probability 0" in text
    numbers = as_frame(table_of(failed, partly)).iloc[0]
    assert numbers["column 0"] == "failed"
    assert numbers["notes"] == "ValueError: no; ValueError: once"


@pytest.mark.parametrize(
    ("value", "half_width", "expected"),
    [
        (0.9576, 0.00354, ("0.9576", "0.0035")),
        (0.9576, 0.00356, ("0.958", "0.004")),
        (0.9576, 0.0096, ("0.958", "0.010")),
        (2.78, 17.3, ("3", "17")),
        (1234.0, 250.0, ("1234", "250")),
        (-0.00004, 0.001, ("0.0000", "0.0010")),
        (-0.25, 0.04, ("−0.25", "0.04")),
        (1.0, 0.0, ("1.000", "0.000")),
        (0.9999994, 0.0000026, ("1.0000", "0.0000")),
        (0.00020541, 0.0000234, ("0.00021", "0.00002")),
        (0.0, math.nan, ("0.000", "")),
        (12.3456, math.nan, ("12.346", "")),
        (0.0000001, math.nan, ("0.000000", "")),
        (-math.inf, math.nan, ("−∞", "")),
    ],
)
def test_digits_follow_the_uncertainty(
    value: float, half_width: float, expected: tuple[str, str]
) -> None:
    assert rounded(value, half_width) == expected


def test_latex_has_a_cell_a_column_and_no_character_that_it_cannot_print(reported: Path) -> None:
    files = sorted((reported / "tables").glob("*.tex"))
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.isascii(), path.name
        assert text.count("{") == text.count("}")
        assert text.count("$") % 2 == 0
        columns = re.search(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", text)
        assert columns is not None
        body = text[text.index("\\toprule") : text.index("\\bottomrule")].splitlines()
        rows = [line for line in body if line.endswith("\\\\") and "multicolumn" not in line]
        assert len(rows) >= 6
        for line in rows:
            assert len(re.findall(r"(?<!\\)&", line)) == len(columns[1]) - 1


def test_names_are_escaped(reported: Path) -> None:
    assert "my\\_method, M = 5" in (reported / "tables" / "main-standard.tex").read_text()
    hostile = table_of(Cell(1.0, status="failed", reason="a|b <c> 100% #1 {x} ~^\\"), label="a_b|c")
    assert "| a\\_b\\|c | 1.000 <sup>a</sup> |" in markdown(hostile)
    assert "a\\|b &lt;c> 100%" in markdown(hostile)
    printed = latex(hostile)
    assert "a\\_b\\textbar{}c & $1.000$$^{a}$ \\\\" in printed
    assert "100\\% \\#1 \\{x\\} \\textasciitilde{}\\textasciicircum{}\\textbackslash{}" in printed


def test_exact_mc_dropout_is_shown_on_the_small_sets_only_and_beside_all_others(make_run) -> None:
    folder = make_run(
        methods=("softmax", "mc_dropout", "mc_dropout_exact"),
        conditions=("clean", "rotated-045", "ood-fashion_mnist"),
        unavailable={"ood-fashion_mnist": "asleep", "subset-ood-fashion_mnist": "asleep"},
    )
    results = Results.load(folder).of_recipe("standard")
    found = {table.name: table for table in tables(results, "standard")}
    text = markdown(found.pop("exact-standard"))
    assert "40 images of each condition" in text
    clean, rotated, fashion = re.split(r"\n\| \*\*", text)[1:]
    for group, name in ((clean, "Clean"), (rotated, "45°"), (fashion, "Fashion-MNIST")):
        assert group.startswith(f"{name}, small set**")
        for method in ("Softmax", "MC-dropout, T = 3", "MC-dropout, T = 8", "MC-dropout, exact"):
            assert f"| {method} |" in group
    assert rotated.count("0.") > 25
    assert fashion.count("n/a <sup>") == 4 * 8
    assert not [name for name, table in found.items() if "exact" in markdown(table)]
    assert "80 images of each condition" in markdown(found["main-standard"])


def test_own_scores_have_a_row(reported: Path) -> None:
    rows = pd.read_csv(reported / "tables" / "detection-auroc-standard.csv", dtype=str)
    mine = rows[rows["Method"] == "my_method, M = 5"]
    assert list(mine["Score"])[-1] == "own_score"
    assert mine["Uniform noise"].iloc[-1].startswith("0.")
    assert (mine["Gaussian noise"] == "unavailable").all()


def test_every_table_with_intervals_says_what_they_do_not_cover(reported: Path) -> None:
    results = Results.load(reported).of_recipe("standard")
    written = [(reported / "index.html").read_text(encoding="utf-8")]
    written += [markdown(table) for table in tables(results, "standard")]
    for text in written:
        assert "No interval covers what all replicates share" in text
        assert "a test set that everyone has used" in text


def test_one_replicate_has_an_interval_over_images(make_run) -> None:
    results = Results.load(make_run(replicates=1, methods=("softmax",))).of_recipe("standard")
    text = markdown(calibration(results, "standard"))
    assert text.count(" ± ") > 20
    assert "Means over replicates (Softmax: 1); ± is half of the 95 % interval" in text
    assert "Near 0 and 1, or where many scores are tied, it is a rough guide" in text
    assert "Bold" not in text


def row_of(
    method: str, members: str, value: float, *, metric: str = "accuracy"
) -> dict[str, object]:
    return {
        **{"recipe": "standard", "method": method, "members": members, "condition": "clean"},
        **{"score": "", "metric": metric, "value": value, "lower": value - 0.01},
        **{"upper": value + 0.01, "replicates": 1, "images": 80, "status": "ok", "reason": ""},
    }


def compared(one: str, other: str, p_value: float, metric: str = "accuracy") -> dict[str, object]:
    methods = dict(zip(("method", "members"), one.split(), strict=True))
    methods |= dict(zip(("other_method", "other_members"), other.split(), strict=True))
    return methods | {
        **{"recipe": "standard", "condition": "clean", "metric": metric, "score": ""},
        "p_holm": p_value,
    }


def verdicts(rows: list[dict[str, object]], comparisons: list[dict[str, object]]) -> list[str]:
    table = calibration(Results(pd.DataFrame(rows), pd.DataFrame(comparisons)), "standard")
    return [row.cells[0].verdict for row in table.rows]


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
def test_best_is_marked_and_whatever_is_not_told_apart_from_it(
    of_dropout: float, of_softmax: float, expected: list[str]
) -> None:
    """A size that was compared with its own method only cannot be the best."""
    comparisons = [
        compared("deep_ensemble 50", "mc_dropout 50", of_dropout),
        compared("deep_ensemble 50", "softmax 1", of_softmax),
        compared("mc_dropout 50", "softmax 1", 0.9),
        compared("mc_dropout 20", "mc_dropout 50", 0.9),
    ]
    assert verdicts(VALUES, comparisons) == expected
    assert verdicts(VALUES, []) == [""] * 4


def test_less_is_better_where_the_arrow_says_so_and_doubtful_values_win_nothing() -> None:
    comparisons = [compared("deep_ensemble 50", "softmax 1", 0.01, "nll")]
    rows = [
        row_of("softmax", "1", 0.2, metric="nll"),
        row_of("deep_ensemble", "50", 0.3, metric="nll"),
    ]
    results = Results(pd.DataFrame(rows), pd.DataFrame(comparisons))
    column = CALIBRATION.index("nll")
    found = [row.cells[column].verdict for row in calibration(results, "standard").rows]
    assert found == ["best", ""]
    rows[0]["status"] = "ill-defined labels"
    results = Results(pd.DataFrame(rows), pd.DataFrame(comparisons))
    assert {row.cells[column].verdict for row in calibration(results, "standard").rows} == {""}


def test_biased_measures_have_no_verdict_and_a_remark() -> None:
    rows = [row_of(method, "50", 0.1, metric="ece") for method in ("mc_dropout", "deep_ensemble")]
    comparisons = [compared("deep_ensemble 50", "mc_dropout 50", math.nan, "ece")]
    table = calibration(Results(pd.DataFrame(rows), pd.DataFrame(comparisons)), "standard")
    assert {cell.verdict for row in table.rows for cell in row.cells} == {""}
    assert "none is bold and no difference of them is tested" in markdown(table)


def test_verdicts_are_printed_with_their_legend() -> None:
    best, tied = Cell(0.96, 0.01, "ok", verdict="best"), Cell(0.95, 0.01, "ok", verdict="tied")
    text = markdown(table_of(best, tied))
    assert "| **0.960 ± 0.010** | 0.950 ± 0.010 ≈ |" in text
    assert "Bold: the best of the methods" in text
    assert "≈ not told apart from the best" in text
    printed = latex(table_of(best, tied))
    assert r"$\mathbf{0.960}_{\pm .010}$ & $0.950_{\pm .010}$$^\approx$" in printed
    assert list(as_frame(table_of(best, tied)).filter(like="verdict").iloc[0]) == ["best", "tied"]
    untested = table_of(best, Cell(0.0, status="ok", verdict="untested"))
    assert "| 0.000 ‡ |\n" in markdown(untested)
    assert "\n‡ neither told apart from the best nor not: there is no p-value" in markdown(untested)
    assert r"$0.000$$^\ddagger$" in latex(untested)
    assert "Bold" not in markdown(table_of(Cell(0.9, 0.1, "ok")))
