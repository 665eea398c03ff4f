"""The page as a file: whole, the same on repeat, escaped, and explicit about what a run lacks."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.report.figures import drawn_figures
from benchmarks.report.page import shown_images
from benchmarks.report.results import Results, fingerprints
from benchmarks.report.tables.declared import tables_of
from benchmarks.report.tables.table import BEST, TIED
from methods import METHODS
from tests.made_up import CLAIMS, SMALL
from tests.report.support import NAMES, page_of, table_named

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


def read(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_page_is_whole_and_small_and_needs_no_network(reported: Path) -> None:
    text = read(reported)
    parsed = Parsed(text)
    assert len(text.encode()) < 3_000_000
    identifiers = Counter(a["id"] for _, a in parsed.elements if "id" in a)
    assert [name for name, count in identifiers.items() if count > 1] == []
    assert not re.findall(r"https?://(?!www\.w3\.org/)\S*", text)
    links = {a["href"] for tag, a in parsed.elements if tag == "a" and a.get("href")}
    assert all(link[1:] in identifiers for link in links if link and link.startswith("#"))
    assert [link for link in links if link[0] not in "#" and not (reported / link).exists()] == []
    landmarks = [tag for tag, _ in parsed.elements if tag in ("header", "nav", "main", "h1")]
    assert landmarks == ["header", "h1", "nav", "main"]
    heads = [attributes for tag, attributes in parsed.elements if tag == "th"]
    assert all(attributes.get("scope") in ("col", "row") for attributes in heads)


def test_every_figure_is_on_the_page_once(reported: Path) -> None:
    shown = re.findall(r'<figure id="figure-([^"]+)"', read(reported))
    drawn = [path.stem for path in (reported / "figures").glob("*.svg")]
    assert sorted(shown) == sorted(drawn)


def test_same_files_give_the_same_bytes_wherever_they_lie(reported: Path, tmp_path: Path) -> None:
    record = json.loads((reported / "run.json").read_text())
    pages = []
    for place in ("here", "elsewhere"):
        folder = copied(reported, tmp_path / place)
        record["seconds"] = {"report": len(place)}  # known only once the page has been written
        (folder / "run.json").write_text(json.dumps(record))
        pages.append(page_of(folder))
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0]


def test_what_was_not_measured_is_stated(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    shutil.rmtree(folder / "curves")
    for name in ("images.npz", "run.json"):
        (folder / name).unlink()
    text = Parsed(page_of(folder)).text
    for what in ("Single images", "The article's claims"):
        assert f"{what}: not measured in this run." in text


def test_everything_is_escaped(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    bad = "<script>alert(1)</script>&'"
    for path in (*folder.glob("*.csv"), *(folder / "curves").iterdir()):
        path.write_text(path.read_text().replace("my_method", bad))
    record = json.loads((folder / "run.json").read_text())
    record["command"] = bad
    (folder / "run.json").write_text(json.dumps(record))
    text = page_of(folder, drawn_figures(Results.load(folder)))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;" in text
    assert bad in Parsed(text).text


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
    rows = {a["data-recipe"] for _, a in parsed.elements if "data-recipe" in a}
    assert set(changes.get("recipes", ())) <= rows


def test_verdicts_of_the_comparisons_are_marked(reported: Path) -> None:
    tables = {table.name: table for table in tables_of(Results.load(reported))}
    verdicts = Counter(cell.verdict for row in tables["main"].rows for cell in row.cells)
    assert verdicts[BEST]
    assert verdicts[TIED]
    (main,) = re.findall(
        r"<table[^>]*>\s*<caption>All methods under.*?</table>", read(reported), re.S
    )
    parsed = Parsed(main)
    classes = Counter(attributes.get("class") for _, attributes in parsed.elements)
    assert classes["number best"] == verdicts[BEST]
    assert Counter(tag for tag, _ in parsed.elements)["abbr"] == verdicts[TIED]


def test_the_ranking_has_every_method_once_a_recipe_the_best_first(of_both: Path) -> None:
    results = Results.load(of_both)
    ranked = table_named(results, "ranking")
    assert sorted(row.labels for row in ranked.rows) == sorted(
        (results.names.label(variant), recipe)
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
    others = summary[~own | (summary["condition"] == "subset-clean")]
    without = table_named(replace(results, summary=others), "ranking")
    kept = [row.labels for row in without.rows]
    assert (results.names.label(variant), "standard") not in kept
    assert len(kept) == len(table_named(results, "ranking").rows) - 1


def test_images_show_the_votes_of_every_method_and_who_disagrees(reported: Path) -> None:
    results = Results.load(reported)
    shown, rows = shown_images(results), results.curve("image_votes")
    assert 0 < len(shown) == rows["rank"].nunique() <= 120
    assert all(image.picture.startswith("data:image/png;base64,") for image in shown)
    for image, (_, of_image) in zip(shown, rows.groupby("rank"), strict=True):
        assert image.number == of_image["number"].iloc[0]
        assert len(image.votes) == of_image["method"].nunique()
        predicted = [one.predicted for one in image.votes]
        common = Counter(predicted).most_common(1)[0][0]
        assert image.apart == tuple(v.method for v in image.votes if v.predicted != common)
        for one in image.votes:
            assert sum(one.shares.values()) == pytest.approx(100, abs=0.5)
            assert one.is_right is None if not image.label else one.is_right in (True, False)
    coloured = replace(
        results,
        images={key: np.stack([pixels] * 3, axis=-1) for key, pixels in results.images.items()},
    )
    assert all(image.picture for image in shown_images(coloured))


def test_claims_are_shown_with_verdict_and_numbers(reported: Path, tmp_path: Path) -> None:
    folder = copied(reported, tmp_path / "run")
    (folder / "claims.json").write_text(json.dumps(CLAIMS))
    text = Parsed(page_of(folder)).text
    assert "Central claims" in text
    assert "Image 61 is <told> differently." in text
    assert "standard partly reproduced. holds: 5 of 50 networks." in text
    assert "gap below 1 0.5 (0.4 to 0.6): yes —" in text


def test_what_holds_elsewhere_is_told_where_the_run_is_compared(
    reported: Path, tmp_path: Path
) -> None:
    folder = copied(reported, tmp_path / "run")
    assert "other data and another network" not in page_of(folder)
    (tmp_path / "across").mkdir()
    content = {"runs": fingerprints([folder]), "summary": "Of 2 answers, <b>1</b> differs."}
    (tmp_path / "across" / "across.json").write_text(json.dumps(content))
    page = page_of(folder)
    assert "another network?</b> Of 2 answers, &lt;b&gt;1&lt;/b&gt; differs. <a href=" in page
    assert 'href="../across/across.md"' in page


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


def test_nouns_are_defined_by_their_fields(reported: Path) -> None:
    text = Parsed(read(reported)).text
    for metric in NAMES.metrics:
        for part in (metric.label, metric.summary, metric.formula, metric.edge_cases):
            assert part
            assert part in text
        assert f"{metric.function} in {metric.path}" in text
    for score in NAMES.scores:
        label = NAMES.printed_score(score.name).axis_label
        assert f"{label} : {score.formula} ({score.citation})" in text
    for name in SMALL.methods:
        method = METHODS[name]
        assert f"{method.label} ({method.citation}). Group: {method.group}" in text
    assert "standard . Network: lenet5, dropout 0.5. Images: " in text
    assert "120° . Group: rotated. Labels: ill-defined (6 and 9 swap). Made of the same" in text
    assert "Left out, because their data are not available: Gaussian noise." in text
