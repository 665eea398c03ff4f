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
from benchmarks.nouns import Names
from benchmarks.report.numbers.abstaining import errors, finding
from benchmarks.report.page import page as page_module
from benchmarks.report.page import write_page
from benchmarks.report.page.explorer import explorer
from benchmarks.report.page.ranking import leaderboard, ranking
from benchmarks.report.read.across import fingerprints
from benchmarks.report.results import Results
from benchmarks.report.style import looks
from benchmarks.report.tables.table import BEST, TIED
from benchmarks.schema import write_table
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
    assert len(text.encode()) < 3_000_000
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


@pytest.mark.slow
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
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><text>by {}</text></svg>'
    for recipe in ("article", "standard"):
        path = folder / "figures" / f"claims-count-plots-{recipe}.png"
        path.write_bytes(b"")
        path.with_suffix(".svg").write_text(svg.format(recipe))
    parsed = Parsed(page_of(folder))
    text = parsed.text
    places = [a["data-packed"] for _, a in parsed.elements if "data-packed" in a]
    assert places == ["claims-count-plots-article"]  # once, though two claims name it
    links = [a.get("href") for tag, a in parsed.elements if tag == "a"]
    assert links.count("figures/claims-count-plots-standard.png") >= 2
    assert text.count("Its figure is below another claim") == 2
    assert "Central claims" in text
    assert "Image 61 is <told> differently." in text
    assert "standard partly reproduced. holds: 5 of 50 networks." in text
    assert "gap below 1 0.5 (0.4 to 0.6): yes —" in text
    assert "For comparison, 3 networks of standard predict rotated and" in text


def test_legend_names_the_methods_that_its_charts_draw(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    roc = pd.read_csv(folder / "curves" / "roc.csv", dtype={"members": str})
    write_table(roc[roc["method"] != "softmax"], folder / "curves", "roc.csv")
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


def test_a_method_of_a_few_images_alone_has_no_row_in_the_ranking(of_both: Path) -> None:
    results = Results.load(of_both)
    variant = results.of_recipe("standard").largest[-1]
    summary = results.summary
    own = (summary["method"] == variant.method) & (summary["members"] == variant.members)
    own &= summary["recipe"] == "standard"
    rest = summary[~own | (summary["condition"] == "subset-clean")]
    without = ranking(replace(results, summary=rest))
    kept = [(row.recipe, row.variant) for row in without.rows]
    assert ("standard", variant) not in kept
    assert len(kept) == len(ranking(results).rows) - 1


def test_answer_names_the_methods_compared_and_what_holds_elsewhere(
    reported: Path, tmp_path: Path
) -> None:
    folder = copied(reported, tmp_path / "run")
    labels = [row.label.split(",")[0] for row in ranking(Results.load(folder)).rows]
    text = Parsed(page_of(folder)).text
    assert f"Methods compared: {', '.join(dict.fromkeys(labels))}." in text
    assert "other data and another network" not in text
    (tmp_path / "across").mkdir()
    content = {"runs": fingerprints([folder]), "summary": "Of 2 answers, <b>1</b> differs."}
    (tmp_path / "across" / "across.json").write_text(json.dumps(content))
    page = page_of(folder)
    assert "another network?</b> Of 2 answers, &lt;b&gt;1&lt;/b&gt; differs. <a href=" in page
    assert 'href="../across/across.md"' in page


def test_claims_with_a_verdict_are_counted_where_no_central_one_has(
    reported: Path, tmp_path: Path
) -> None:
    folder = copied(reported, tmp_path / "run")
    first, second = CLAIMS["claims"]
    untested = first | {"verdict": "not testable here"}
    supporting = second | {"weight": "supporting", "verdict": "reproduced"}
    content = CLAIMS | {"claims": [untested, supporting]}
    (folder / "claims.json").write_text(json.dumps(content))
    told = "None of its central claims can be tested in this run. With a verdict: 1 of 2 claims."
    assert told in Parsed(page_of(folder)).text


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
    assert "Other papers: numbers within tolerance: 0 of 1" in text
    assert "A & B, table 1 softmax NLL 0.500 0.250 not within tolerance" in text
    assert "A & B, table 1 softmax NLL 0.500 — not measured" in text
    (folder / "published.json").unlink()
    assert "Other papers" not in Parsed(page_of(folder)).text


def test_the_page_is_no_longer_than_a_reader_has_time_for(reported: Path) -> None:
    page = (reported / "index.html").read_text(encoding="utf-8")
    in_view, found = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL), 1
    while found:  # the innermost first
        behind = r"<details\b[^>]*>(?:(?!<details\b).)*?</details>"
        in_view, found = re.subn(behind, "", in_view, flags=re.DOTALL)
    assert len(re.findall(r"\S*\w\S*", Parsed(in_view).text)) < 3500
    assert page.count("<figure") <= 12


def test_every_metric_is_defined(reported: Path) -> None:
    text = Parsed((reported / "index.html").read_text(encoding="utf-8")).text
    for metric in METRICS.values():
        for part in (metric.label, metric.summary, metric.formula, metric.edge_cases):
            assert part
            assert part in text
        assert metric.source in text
    for record in NAMES.metrics:
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
    names = Names.read(folder)
    images = names.training_images(["standard"])["standard"]
    assert (
        f"standard . Network: lenet5, dropout 0.5. Images: {images:,} training images, in a new "
        "order each epoch, normalised by mean 0.1307 and standard deviation 0.3081. Loss: "
        "cross-entropy of the logits. Optimiser: adam, learning rate 0.001 (constant), weight "
        "decay 0, "
    ) in text
    assert "120° . Group: rotated. Labels: ill-defined (6 and 9 swap). Made of the same" in text
    assert "60° . Group: rotated, in its mean. Labels: valid. Made of the same images as" in text
    recipes = (replace(one, images=1234, shuffled=False) for one in names.recipes)
    methods = (replace(one, probabilities_of="softmax") for one in names.methods)
    replace(names, recipes=tuple(recipes), methods=tuple(methods)).write(folder)
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
    assert links == [f"../../{record.path}" for record in NAMES.metrics]
    assert all((ROOT / record.path).exists() for record in NAMES.metrics)


def test_conditions_without_data_are_named_in_one_line(reported: Path) -> None:
    text = Parsed((reported / "index.html").read_text(encoding="utf-8")).text
    assert "Left out, because their data are not available: Gaussian noise." in text
    assert text.count("Gaussian noise") == 1
    assert "the mirror is asleep" not in text
