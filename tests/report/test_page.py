"""The page as a file: whole, small, the same on repeat, and explicit about what a run lacks."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.metrics import METRICS
from benchmarks.records import write_table
from benchmarks.report.numbers.abstaining import errors, finding
from benchmarks.report.page import page as page_module
from benchmarks.report.page import write_page
from benchmarks.report.page.chart import Point, line, log_axis, x_axis, y_axis
from benchmarks.report.page.chart_sections import detections, reliability_charts, severities
from benchmarks.report.page.claims import claims
from benchmarks.report.page.cost import costs
from benchmarks.report.page.explorer import data_uri, explorer
from benchmarks.report.page.leaderboard import leaderboard
from benchmarks.report.page.ranking import ranking
from benchmarks.report.results import Results
from benchmarks.report.style import looks
from benchmarks.report.tables.table import BEST, TIED
from methods import METHODS
from methods.scores import SCORES
from tests.report.support import CLAIMS, CONFIGURATION, NAMES

ROOT = Path(__file__).parents[2]
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Parsed(HTMLParser):
    """The elements with their attributes; that all are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("predictions", "*.png", "*.svg"))
    return to


def section_of(folder: Path, name: str) -> str:
    page = (folder / "index.html").read_text(encoding="utf-8")
    (section,) = re.findall(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return str(section)


def page_of(folder: Path) -> str:
    write_page(Results.load(folder), folder)
    return (folder / "index.html").read_text(encoding="utf-8")


def test_page_is_whole_and_small_and_needs_no_network(reported: Path) -> None:
    text = (reported / "index.html").read_text(encoding="utf-8")
    parsed = Parsed(text)
    assert len(text.encode()) < 5_000_000
    identifiers = Counter(a["id"] for _, a in parsed.elements if "id" in a)
    assert [name for name, count in identifiers.items() if count > 1] == []
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    links = {a["href"] for tag, a in parsed.elements if tag == "a" and a.get("href")}
    assert all(link[1:] in identifiers for link in links if link and link.startswith("#"))
    landmarks = [tag for tag, _ in parsed.elements if tag in ("header", "nav", "main", "h1")]
    assert landmarks == ["header", "h1", "nav", "main"]
    heads = [attributes for tag, attributes in parsed.elements if tag == "th"]
    assert heads
    assert all(attributes.get("scope") in ("col", "row") for attributes in heads)


def test_same_files_give_the_same_bytes_wherever_they_lie(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "elsewhere")
    record = json.loads((folder / "run.json").read_text())
    record["seconds"] = {"report": 7.0}  # as is known only once the page has been written
    (folder / "run.json").write_text(json.dumps(record))
    again = page_of(folder)
    assert again == (reported / "index.html").read_text(encoding="utf-8")
    assert str(reported.parent) not in again


def test_missing_sections_are_stated(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    shutil.rmtree(folder / "curves")
    for name in ("images.npz", "run.json"):
        (folder / name).unlink()
    text = Parsed(page_of(folder)).text
    detection = "Detection of out-of-distribution images"
    for what in ("Calibration", detection, "Cost", "The article's claims"):
        assert f"{what}: not measured in this run." in text
    assert "Single images: not measured in this run." in text


def test_everything_is_escaped(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    bad = "<script>alert(1)</script>&'"
    for path in (*folder.glob("*.csv"), *(folder / "curves").iterdir()):
        path.write_text(path.read_text().replace("my_method", bad))
    record = json.loads((folder / "run.json").read_text())
    record["command"] = bad
    (folder / "run.json").write_text(json.dumps(record))
    text = page_of(folder)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;" in text
    data = re.search(r'id="explorer-data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert any(bad in method["label"] for method in json.loads(data[1])["methods"])


@pytest.mark.parametrize(
    "changes",
    [
        {"methods": ("softmax",)},
        {"methods": (), "custom": True},
        {"conditions": ()},
        {"recipes": ("plain", "standard"), "conditions": ("rotated-030",)},
        {"methods": ("softmax", "mc_dropout_exact")},
        {"fails": "standard/mc_dropout"},
    ],
    ids=str,
)
def test_runs_of_all_kinds_have_a_page(changes: dict[str, Any], make_run: Any) -> None:
    parsed = Parsed(page_of(make_run(**changes)))
    assert "nan" not in parsed.text.split()
    chosen = changes.get("recipes", ())
    panels = {a["data-choice"] for _, a in parsed.elements if a.get("data-panel") == "recipe"}
    assert set(chosen) <= panels


def test_verdicts_of_the_comparisons_are_marked(reported: Path) -> None:
    results = Results.load(reported).of_recipe("standard")
    board = leaderboard(results, "standard")
    verdicts = Counter(
        cell.verdict for view in board.views for row in view.rows for cell in row.cells
    )
    assert verdicts[BEST]
    assert verdicts[TIED]
    parsed = Parsed(section_of(reported, "ranking"))
    classes = Counter(attributes.get("class") for _, attributes in parsed.elements)
    assert classes["number best"] == verdicts[BEST]
    assert Counter(tag for tag, _ in parsed.elements)["abbr"] == verdicts[TIED]


def test_abstaining_is_told_drawn_and_tabulated(reported: Path, tmp_path: Path) -> None:
    parsed = Parsed(section_of(reported, "selective"))
    results = Results.load(reported).of_recipe("standard")
    numbers = errors(results)
    assert finding(results, numbers) in parsed.text
    drawn = list(dict.fromkeys(numbers["condition"]))[:2]
    assert Counter(tag for tag, _ in parsed.elements)["figure"] == len(drawn)
    cells = [a for tag, a in parsed.elements if tag == "td" and "number" in (a.get("class") or "")]
    assert len(cells) == len(numbers)
    tips = [a["data-tip"] for tag, a in parsed.elements if tag == "use" and "data-tip" in a]
    of_five = [tip for tip in tips if tip and tip.startswith("Abstaining on 5 %: error ")]
    assert len(of_five) == len(drawn) * len(results.largest)
    folder = copied(reported, tmp_path / "earlier")
    for path in folder.glob("*.csv"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if "error_at_coverage" not in line]
        path.write_text("".join(kept), encoding="utf-8")
    (folder / "run.json").unlink()
    page_of(folder)
    assert "Selective prediction: not measured in this run." in section_of(folder, "selective")


def test_claims_are_shown_with_verdict_and_numbers(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    (folder / "claims.json").write_text(json.dumps(CLAIMS))
    for recipe in ("article", "standard"):
        (folder / "figures" / f"claims-count-plots-{recipe}.png").write_bytes(recipe.encode())
    found = claims(folder)
    assert found is not None
    assert found["count"] == 2
    assert found["groups"]["Central claims"][0]["numbers"] == [
        ("votes", ["0.5 [0.2 to 0.8, n = 2]", "—"]),
        ("gap", ["—", "0.500"]),
    ]
    text = Parsed(page_of(folder)).text
    images = [a["src"] for tag, a in Parsed(page_of(folder)).elements if tag == "img"]
    assert images == [data_uri(b"article")] * 2
    assert (
        "The article makes two central claims. Networks trained by its listing give these "
        "verdicts. Reproduced: “Text.” Not reproduced: “Image 61 is <told> differently.”" in text
    )
    assert "Central claims" in text
    assert "Image 61 is <told> differently." in text
    assert "standard partly reproduced. holds: 5 of 50 networks." in text
    assert "gap below 1 0.5 (0.4 to 0.6): yes —" in text
    # The other claim has the same numbers.
    assert "The numbers are those of this claim" in text
    assert "For comparison, 3 networks of standard predict rotated and" in text
    assert "Softmax NLL, clean 0.500 0.250 0.125 0.25 ± 0.05" in text
    assert "Deep ensemble NLL, clean 0.500 0.250 — 0.250" in text


def test_cost_is_drawn_with_its_front(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    rows = [
        ("softmax", "1", 0.10, 1.0, True),
        ("mc_dropout", "3", 0.12, 4.0, False),
        ("mc_dropout", "8", 0.09, 9.0, True),
    ]
    table = pd.DataFrame(
        [
            {
                **{"metric": "nll", "condition": "clean", "method": method, "members": members},
                **{"value": value, "lower": value - 0.01, "upper": value + 0.01},
                **{"batch_size": size, "p50_ms": ms * size},
                **{"pareto": pareto and (size == 1 or method == "softmax")},
                **{"device_name": "a processor", "threads": 1, "engine": "numba"},
            }
            for size in (1, 64)
            for method, members, value, ms, pareto in rows
        ]
    )
    path = folder / "figures" / "cost-standard.csv"
    write_table(table, path)
    results = Results.load(folder)
    found = costs(path, results, looks(results.names, results.shown))
    assert [cost.batch for cost in found] == ["Single images", "Batches of 64 images"]
    chart = found[0].charts[0]
    assert len(chart.front.split("L")) == 2
    assert found[0].times == "1 ms (Softmax), 9 ms (MC-dropout, T = 8)"
    assert found[1].times == "64 ms (Softmax), 576 ms (MC-dropout, T = 8)"
    assert [mark.note for mark in chart.lines[1].marks] == ["3", "8"]
    assert [drawn.key for drawn in chart.lines] == ["softmax-1", "mc_dropout-8"]
    tips = [mark.tip for mark in chart.lines[1].marks]
    assert all(tip.count(" (2 replicates: ") == 1 for tip in tips)
    assert [re.sub(r" \(.*\)", "", tip) for tip in tips] == [
        "MC-dropout, T = 3: 0.120 ± 0.010 in 4 ms",
        "MC-dropout, T = 8: 0.090 ± 0.010 in 9 ms, on the front",
    ]
    parsed = Parsed(page_of(folder))
    assert "a processor, engine numba, threads 1" in parsed.text
    fronts = [a["class"] for _, a in parsed.elements if "front" in (a.get("class") or "")]
    assert fronts == ["front"]
    assert "2 of 2 methods are on the Pareto front of NLL against latency (Clean)" in parsed.text


def test_legend_names_the_methods_that_its_charts_draw(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    roc = pd.read_csv(folder / "curves" / "roc.csv", dtype={"members": str})
    write_table(roc[roc["method"] != "softmax"], folder / "curves" / "roc.csv")
    page = page_of(folder)
    for name in ("group-rotated", "calibration", "detection"):
        (section,) = re.findall(rf'<section id="{name}".*?</section>', page, re.DOTALL)
        named = set(re.findall(r'data-toggle="([^"]+)"', section))
        assert named == set(re.findall(r'data-series="([^"]+)"', section))
        assert ("softmax-1" in named) is (name != "detection")


def test_the_ranking_has_every_method_once_a_recipe_the_best_first(of_both: Path) -> None:
    results = Results.load(of_both)
    ranked = ranking(results)
    shown = [(row.recipe, row.variant) for row in ranked.rows]
    assert sorted(shown) == sorted(
        (recipe, variant)
        for recipe in ("standard", "article")
        for variant in results.of_recipe(recipe).largest
    )
    position = next(
        i for i, one in enumerate(ranked.headings) if one.startswith("NLL") and "Clean" in one
    )
    values = [row.cells[position].value for row in ranked.rows]
    assert values == sorted(values)
    summary = results.summary.query("condition == 'clean' and metric == 'nll'")
    assert values[0] == summary.groupby(["recipe", "method", "members"])["value"].min().min()


def test_published_numbers_are_beside_ours(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    number = {"paper": "A & B", "place": "table 1", "what": "softmax", "metric": "nll"}
    numbers = [
        {**number, "published": 0.5, "value": 0.25, "verdict": "not within tolerance"},
        {**number, "published": 0.5, "value": None, "verdict": "not measured"},
    ]
    count = {"within tolerance": 0, "not within tolerance": 1, "not measured": 1}
    (folder / "published.json").write_text(json.dumps({"count": count, "numbers": numbers}))
    text = Parsed(page_of(folder)).text
    assert "Other papers’ numbers: 0 of 1 are within tolerance" in text
    assert "A & B, table 1 softmax NLL 0.500 0.250 not within tolerance" in text
    assert "A & B, table 1 softmax NLL 0.500 — not measured" in text
    assert "Other papers" not in Parsed((reported / "index.html").read_text(encoding="utf-8")).text


def test_the_page_is_no_longer_than_a_reader_has_time_for(reported: Path) -> None:
    page = (reported / "index.html").read_text(encoding="utf-8")
    in_view, found = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL), 1
    while found:  # the innermost first
        behind = r"<details\b[^>]*>(?:(?!<details\b).)*?</details>"
        in_view, found = re.subn(behind, "", in_view, flags=re.DOTALL)
    assert len(re.findall(r"\S*\w\S*", Parsed(in_view).text)) < 3500
    assert in_view.count("<figure") <= 12


def test_every_metric_is_defined(reported: Path) -> None:
    text = Parsed((reported / "index.html").read_text(encoding="utf-8")).text
    for metric in METRICS.values():
        for part in (metric.label, metric.summary, metric.formula, metric.edge_cases):
            assert part
            assert part in text
        assert metric.source in text
    for record in NAMES.nouns.metrics:
        assert f"{record.function} in {record.path}" in text


def test_every_score_and_method_shown_is_described(reported: Path) -> None:
    text = Parsed((reported / "index.html").read_text(encoding="utf-8")).text
    for score in SCORES.values():
        label = NAMES.printed_score(score.name).axis_label
        assert f"{label} : {score.formula} ({score.citation})" in text
    for name in CONFIGURATION.methods:
        method = METHODS[name]
        assert method.citation
        assert f"{method.label} ({method.citation}). Group: {method.group}" in text


def test_recipes_and_conditions_are_defined_by_their_fields(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    text = Parsed(page_of(folder)).text
    recipes = pd.read_csv(folder / "recipes.csv")
    images = recipes.set_index("name")["images"]["standard"]
    assert (
        f"standard . Network: lenet5, dropout 0.5. Images: {images:,} training images, in a new "
        "order each epoch, normalised by mean 0.1307 and standard deviation 0.3081. Loss: "
        "cross-entropy of the logits. Optimiser: adam, learning rate 0.001 (constant), weight "
        "decay 0, "
    ) in text
    assert "120° . Group: rotated. Labels: ill-defined (6 and 9 swap). Made of the same" in text
    assert "60° . Group: rotated, in its mean. Labels: valid. Made of the same images as" in text
    recipes = recipes.assign(images=1234, shuffled=False)
    recipes.to_csv(folder / "recipes.csv", index=False)
    methods = pd.read_csv(folder / "methods.csv").assign(probabilities_of="softmax")
    methods.to_csv(folder / "methods.csv", index=False)
    text = Parsed(page_of(folder)).text
    assert "Images: 1,234 training images, in the same order each epoch" in text
    assert "Same probabilities as: Softmax" in text


def test_explorer_shows_the_measures_that_the_run_wrote(reported: Path) -> None:
    results = Results.load(reported)
    rows = results.curve("explorer").drop(columns=["expected_entropy", "mutual_information"])
    rows.insert(rows.columns.get_loc("confidence"), "brier", 0.25)
    shown = explorer(replace(results, curves={"explorer": rows}), looks(NAMES, results.largest))
    assert shown is not None
    assert [one["label"] for one in shown["measures"]] == [
        *("Brier", "Confidence", "Predictive entropy (nats)", "Disagreement"),
    ]
    measured = [one["measures"] for one in shown["images"][0]["predictions"] if one]
    assert measured
    assert all(len(one) == 4 and one[0] == 0.25 for one in measured)


def test_definitions_link_to_the_code_within_the_repository_alone(
    reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(reported, tmp_path / "results" / "run")
    assert not re.findall(r'href="([^"]+\.py)"', page_of(folder))
    monkeypatch.setattr(page_module, "REPOSITORY", tmp_path)
    links = re.findall(r'href="([^"]+\.py)"', page_of(folder))
    assert links == [f"../../{record.path}" for record in NAMES.nouns.metrics]
    assert all((ROOT / record.path).exists() for record in NAMES.nouns.metrics)


def test_conditions_without_data_are_named_in_one_line(reported: Path) -> None:
    text = Parsed((reported / "index.html").read_text(encoding="utf-8")).text
    assert "Left out, because their data are not available: Gaussian noise." in text
    assert text.count("Gaussian noise") == 1
    assert "the mirror is asleep" not in text


def test_axes_place_values_and_write_round_ones() -> None:
    x, y = x_axis("x", 0, 10), y_axis("y", 0, 1)
    assert (x.at(0), x.at(10), y.at(0), y.at(1)) == (x.start, x.end, y.start, y.end)
    assert x.at(5) == (x.start + x.end) / 2
    assert x.at(99) == x.end
    assert [tick.text for tick in y.ticks] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    steps = log_axis("ms", 0.5, 2000)
    assert [tick.text for tick in steps.ticks] == ["1", "10", "100", "1,000"]
    few = log_axis("ms", 0.15, 6)
    assert [tick.text for tick in few.ticks] == ["0.2", "0.5", "1", "2", "5"]
    assert steps.at(1000**0.5) == pytest.approx((steps.at(1) + steps.at(1000)) / 2, abs=0.1)


def test_line_is_interrupted_by_what_is_infinite_and_its_band_where_there_are_no_bounds(
    reported: Path,
) -> None:
    shown = Results.load(reported).shown
    variant, look = next(iter(looks(NAMES, shown).items()))
    x, y = x_axis("x", 0, 10), y_axis("y", 0, 10)
    points = [
        *(Point(0, 1, 0, 2, "a"), Point(1, 1, 0, 2, "b"), Point(5, float("inf"), tip="c")),
        *(Point(8, 3, tip="d"), Point(9, 3, 2, 4, "e"), Point(10, 3, 2, 4, "f")),
    ]
    drawn = line(look, variant, points, x, y)
    assert [mark.tip for mark in drawn.marks] == ["a", "b", "d", "e", "f"]
    assert [part.count("L") for part in drawn.line.split("M")] == [0, 1, 2]
    assert [part.count("L") for part in drawn.band.split("M")] == [0, 3, 3]
    assert line(look, variant, [], x, y).line == ""


def test_single_replicates_have_bands_and_several_have_lines(make_run: Any) -> None:
    for replicates in (1, 2):
        given = Results.load(make_run(replicates=replicates)).of_recipe("standard")
        look = looks(given.names, given.shown)
        charts = reliability_charts(given, look)
        charts += [chart for group in detections(given, look) for chart in group.charts]
        charts += severities(given, look)["rotated"].charts
        for drawn in (drawn for chart in charts for drawn in chart.lines):
            alone = replicates == 1 or drawn.key == "deep_ensemble-4"
            assert bool(drawn.band) is alone
            assert drawn.thin.count("M") == (0 if alone else 2)
            assert drawn.line
            assert drawn.marks


def test_tooltip_has_the_range_of_replicates(make_run: Any) -> None:
    given = Results.load(make_run(replicates=2)).of_recipe("standard")
    (accuracy, *_) = severities(given, looks(given.names, given.shown))["rotated"].charts
    values = given.curve("replicates").query("method == 'softmax' and condition == 'clean'")
    ends = (f"{end:.3f}" for end in (values["accuracy"].min(), values["accuracy"].max()))
    assert f"(2 replicates: {' to '.join(ends)})" in accuracy.lines[0].marks[0].tip
