"""The page as a file: whole, the same on repeat, escaped, and explicit about what a run lacks."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from benchmarks.nouns import Printed
from benchmarks.report.answer import NOT_JUDGED, answer
from benchmarks.report.figures import drawn_figures
from benchmarks.report.page import OF_A_CONDITION, shown_images
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import tables_of
from benchmarks.report.tables.front import contestants, front
from benchmarks.report.tables.table import MARKS
from methods import METHODS
from tests.made_up import SMALL
from tests.report.support import NAMES, page_of

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

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_page_is_whole_and_small_and_needs_no_network(made_up_run: Path) -> None:
    text = read(made_up_run)
    parsed = Parsed(text)
    assert len(text.encode()) < 3_000_000
    identifiers = Counter(a["id"] for _, a in parsed.elements if "id" in a)
    assert [name for name, count in identifiers.items() if count > 1] == []
    assert not re.findall(r"https?://(?!www\.w3\.org/)\S*", text)
    links = {a["href"] for tag, a in parsed.elements if tag == "a" and a.get("href")}
    assert {link[1:] for link in links if link.startswith("#")} <= identifiers.keys()
    assert [link for link in links if link[0] != "#" and not (made_up_run / link).exists()] == []
    landmarks = [tag for tag, _ in parsed.elements if tag in ("header", "nav", "main", "h1")]
    assert landmarks == ["header", "h1", "nav", "main"]
    heads = [attributes for tag, attributes in parsed.elements if tag == "th"]
    assert all(attributes.get("scope") in ("col", "row", "rowgroup") for attributes in heads)
    shown = re.findall(r'<figure id="figure-([^"]+)"', text)
    assert sorted(shown) == sorted(path.stem for path in (made_up_run / "figures").glob("*.svg"))


@pytest.mark.usefixtures("one_figure")
def test_same_files_give_the_same_bytes_wherever_they_lie(
    made_up_copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    there = Path(shutil.copytree(made_up_copy, tmp_path_factory.mktemp("there") / "out"))
    record = json.loads((made_up_copy / "run.json").read_text())
    record["seconds"] = {"report": 12.5}  # known only once the page has been written
    (made_up_copy / "run.json").write_text(json.dumps(record))
    pages = [page_of(run, drawn_figures(Results.load(run))) for run in (made_up_copy, there)]
    assert pages[0] == pages[1]
    assert str(made_up_copy) not in pages[0]


def test_what_was_not_measured_is_stated(made_up_copy: Path) -> None:
    shutil.rmtree(made_up_copy / "curves")
    for name in ("images.npz", "run.json", "claims.json"):
        (made_up_copy / name).unlink()
    text = Parsed(page_of(made_up_copy)).text
    for what in ("Single images", "The article's claims"):
        assert f"{what}: not measured in this run." in text


@pytest.mark.usefixtures("one_figure")
def test_everything_is_escaped(made_up_copy: Path) -> None:
    bad = "<script>alert(1)</script>&'"
    for path in (*made_up_copy.glob("*.csv"), *(made_up_copy / "curves").iterdir()):
        path.write_text(path.read_text().replace("my_method", bad))
    record = json.loads((made_up_copy / "run.json").read_text())
    record["command"] = bad
    (made_up_copy / "run.json").write_text(json.dumps(record))
    text = page_of(made_up_copy, drawn_figures(Results.load(made_up_copy)))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;" in text
    assert bad in Parsed(text).text


def test_every_table_is_on_the_page(made_up_run: Path) -> None:
    text = Parsed(read(made_up_run)).text
    captions = {table.caption for table in tables_of(Results.load(made_up_run)) if table.headings}
    assert {caption for caption in captions if " ".join(caption.split()) not in text} == set()


def test_bold_of_the_first_table_is_that_of_the_leaderboard(made_up_run: Path) -> None:
    board = front([Results.load(made_up_run)])
    assert board is not None
    cells = [cell for row in board.rows for cell in row.cells]
    (shown,) = re.findall(r'<div class="board">.*?</table>', read(made_up_run), re.S)
    every = Parsed(f"{shown}</div></div>").elements
    elements = [tag for tag, a in every if "best" in str(a.get("class"))]
    assert elements == ["td"] * sum(cell.is_best for cell in cells)
    assert elements
    assert not [mark for mark in MARKS.values() if mark in shown]


def test_first_screen_has_a_sentence_for_each_budget_and_measure(
    two_budgets_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(two_budgets_run, tmp_path, dirs_exist_ok=True)
    best = answer(Results.load(tmp_path))["best"]
    text = Parsed(page_of(tmp_path)).text
    assert len(best) == 2
    for budget, sentences in best.items():
        assert f"The best by five measures, budget {budget} {sentences[0]}" in text
        assert all(sentence in text for sentence in sentences)


def test_run_of_an_earlier_version_has_a_page(made_up_copy: Path) -> None:
    (made_up_copy / "answer.csv").unlink()
    parsed = Parsed(page_of(made_up_copy))
    assert NOT_JUDGED in parsed.text
    assert not [a for _, a in parsed.elements if "best" in str(a.get("class"))]


def test_images_show_the_votes_of_the_first_table_and_who_disagrees(made_up_run: Path) -> None:
    results = Results.load(made_up_run)
    shown, rows = shown_images(results), results.curve("image_votes")
    ranks = rows.drop_duplicates("rank").groupby("condition", sort=False).head(OF_A_CONDITION)
    rows = rows[rows["rank"].isin(ranks["rank"])]
    methods = {choice.method for choice in contestants([results])} & {*rows["method"]}
    named = [each.label for each in results.names.methods if each.name in methods]
    assert 0 < len(shown) == rows["rank"].nunique() < results.curve("image_votes")["rank"].nunique()
    assert all(image.picture.startswith("data:image/png;base64,") for image in shown)
    for image, (_, of_image) in zip(shown, rows.groupby("rank"), strict=True):
        assert image.number == of_image["number"].iloc[0]
        assert [vote.method for vote in image.votes] == named
        predicted = [vote.predicted for vote in image.votes]
        common = Counter(predicted).most_common(1)[0][0]
        assert image.apart == tuple(v.method for v in image.votes if v.predicted != common)
        for vote in image.votes:
            assert sum(vote.shares.values()) == pytest.approx(100, abs=0.5)
            assert (vote.is_right is None) == (not image.label)
    few = shown_images(results.with_methods(["mc_dropout", "softmax"]))
    assert "Deep ensemble" not in {vote.method for image in few for vote in image.votes}
    coloured = {key: np.stack([pixels] * 3, axis=-1) for key, pixels in results.images.items()}
    assert all(image.coloured for image in shown_images(replace(results, images=coloured)))


def test_claims_are_shown_with_verdict_and_numbers(made_up_run: Path) -> None:
    text = Parsed(read(made_up_run)).text
    assert "Central claims" in text
    assert "Image 61 is <told> differently." in text
    assert "Verdict not reproduced. holds: 3 of 50 networks" in text
    assert "gap below 1 0.5 (0.4 to 0.6): yes" in text


def test_nouns_are_defined_by_their_fields(made_up_run: Path) -> None:
    text = Parsed(read(made_up_run)).text
    for metric in NAMES.metrics:
        for part in (metric.label, metric.summary, metric.formula, metric.edge_cases):
            assert part
            assert part in text
        assert f"{metric.function} in {metric.path}" in text
    for score in NAMES.scores:
        label = Printed(score.label, score.unit).axis_label
        assert f"{label} : {score.formula} ({score.citation})" in text
    for method in map(METHODS.get, SMALL.methods):
        assert f"{method.label} ({method.citation})" in text
    assert "Labels: ill-defined (6 and 9 swap)." in text
    assert "Left out, because their data are not available: Gaussian noise." in text
