"""The generated parts of README.md and docs, and that pages are short."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from fill_pages import ROOT, SECTIONS, filled, main, read_pages

from benchmarks.io import UserError
from benchmarks.run.configuration import configuration_of
from benchmarks.schema import read_table
from benchmarks.tasks import TASKS
from methods import METHODS
from methods.scores import SCORES
from tests.made_up import LATENCY, write_latency

README = Path("README.md")

MOST_WORDS = 1_500
"""Of each page of docs, generated parts included."""

MOST_WORDS_OF_README = 700
"""Outside tables and code; generated parts included."""


@pytest.fixture
def root(made_up_run: Path, tmp_path: Path) -> Path:
    """A repository with the results of a run."""
    ignored = shutil.ignore_patterns("predictions", "latency.csv")
    shutil.copytree(made_up_run, tmp_path / "results", ignore=ignored)
    return tmp_path


def section(name: str, root: Path, page: Path = README, folder: str = "results") -> str:
    """What is generated between two marks of a page."""
    text = f"before\n<!-- generated: {name} from {folder} -->\nstale\n<!-- end -->\nafter\n"
    made = filled({page: text}, root)[page]
    assert made.startswith(f"before\n<!-- generated: {name} from {folder} -->\n")
    assert filled({page: made}, root)[page] == made
    return made.split("-->\n")[1].removesuffix("<!-- end ")


@pytest.mark.parametrize(
    ("texts", "pages"),
    [
        (
            [
                *(f"`{name}`" for name in METHODS),
                f"compares [{len(configuration_of('full').methods)} methods](",
            ],
            ("docs/methods.md", "README.md"),
        ),
        ([f"`{name}`" for name in SCORES], ("docs/measures.md",)),
        (
            [f"`{recipe.name}`" for task in TASKS.values() for recipe in task.recipes],
            ("docs/data.md",),
        ),
    ],
)
def test_every_name_stands_in_a_page(texts: Iterable[str], pages: tuple[str, ...]) -> None:
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in pages)
    missing = [each for each in texts if each not in text]
    assert not missing, f"write {', '.join(missing)} in {' or '.join(pages)}"


def test_pages_show_the_committed_results() -> None:
    pages = read_pages(ROOT)
    assert filled(pages, ROOT) == pages, "run python docs/tools/fill_pages.py"
    texts = "".join(pages.values())
    assert [name for name in SECTIONS if f"generated: {name} from" not in texts] == []


MOST_WORDS_OF = {Path("docs/tutorial.md"): 900, Path("docs/reading.md"): 500}
"""Of the pages that a newcomer reads first."""


def test_pages_are_short() -> None:
    marks = re.compile(r"<!--.*?-->", re.DOTALL)
    texts = {page: marks.sub("", text) for page, text in read_pages(ROOT).items()}
    words = {page: len(re.findall(r"\S*\w\S*", text)) for page, text in texts.items()}
    most = dict.fromkeys(words, MOST_WORDS) | MOST_WORDS_OF
    del words[README]
    assert {page: count for page, count in words.items() if count > most[page]} == {}
    prose = re.sub(r"```.*?```|^\|.*?$|<!--.*?-->", "", read_pages(ROOT)[README], flags=re.S | re.M)
    assert len(re.findall(r"\S*\w\S*", prose)) <= MOST_WORDS_OF_README


def test_numbers_of_a_sentence_are_those_of_the_run(root: Path) -> None:
    rows = read_table(root / "results", "summary.csv")
    ensemble = rows.query("method == 'deep_ensemble' and members == '2' and metric == 'nll'")
    (clean,) = ensemble.query("condition == 'clean'")["value"]
    mark = "<!--nll:clean:{}:results-->"
    text = f"It has 0.000{mark.format('deep_ensemble-2')} and 1{mark.format('softmax')}."
    made = filled({README: text}, root)[README]
    assert made.startswith(f"It has {clean:.3f}<!--nll")
    worth = "<!--worth_nll:clean:{}:results-->"
    ensemble_worth = worth.format("deep_ensemble-4")
    assert filled({README: f"0.0{ensemble_worth}"}, root)[README] == f"4.0{ensemble_worth}"
    with pytest.raises(UserError, match="there is no value for <!--worth_nll:clean:mc_dropout"):
        filled({README: f"0.0{worth.format('mc_dropout-8')}"}, root)
    with pytest.raises(UserError, match=r"README.md: there is no value for <!--nll:clean:swag"):
        filled({README: f"0.1{mark.format('swag-3')}"}, root)
    with pytest.raises(UserError, match=r"README.md: there is no number right before <!-- nll"):
        filled({README: "0.1 <!-- nll clean of softmax -->"}, root)


def test_first_table_of_a_run_without_an_answer_has_no_marks(root: Path) -> None:
    (root / "results" / "answer.csv").unlink()
    table = section("front", root)
    assert "| One network | 0." in table
    assert not re.search(r"▲|▾|\| \*\*\d", table)


@pytest.mark.parametrize(("name", "folder"), [("verdicts", "results"), ("quality", "none")])
def test_unknown_section_or_run_is_told_in_one_line(name: str, folder: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"verdicts|{folder}") as raised:
        section(name, tmp_path, folder=folder)
    assert "\n" not in str(raised.value)


def test_latency_is_of_the_cards_that_have_a_folder(root: Path) -> None:
    assert "| --- |" not in section("latency", root)
    row = replace(LATENCY, p50_ms=0.75, p50_lower_ms=0.7, p50_upper_ms=0.8)
    card = replace(row, device="cuda:0", device_name="A Card", threads=8)
    folder = root / "results" / "gpu" / "a-card"
    folder.mkdir(parents=True)
    write_latency([replace(row, device_name="A Processor"), card], folder)
    with_card = section("latency", root)
    assert "| **A Card** |" in with_card
    assert "| Softmax | 0.75 ± 0.05 |" in with_card
    assert "Processor" not in with_card


def test_check_fails_where_a_page_differs_and_writes_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = root / "README.md"
    page.write_text(
        "<!-- generated: front from results -->\nstale\n<!-- end -->\n", encoding="utf-8"
    )
    monkeypatch.setattr("fill_pages.ROOT", root)
    with pytest.raises(typer.Exit) as raised:
        main(check=True)
    assert raised.value.exit_code == 1
    assert "stale" in page.read_text(encoding="utf-8")
    main()
    assert "stale" not in page.read_text(encoding="utf-8")
    main(check=True)
    shutil.rmtree(root / "results")
    with pytest.raises(typer.Exit) as raised:
        main()
    assert raised.value.exit_code == 2
