"""The generated parts of README.md and docs, and that pages are short."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from benchmarks.errors import UserError
from benchmarks.report.readme import ROOT, SECTIONS, filled, main, read_pages
from benchmarks.report.texts import article_answer
from tests.report.support import CLAIMS, ROW, write_latency

TEXT = """# Title

<!-- generated: decision from results -->
stale
<!-- end -->
between
<!-- generated: figure from results -->
<!-- end -->
<!-- generated: latency from results -->
<!-- end -->
<!-- generated: provenance from results -->
<!-- end -->
after
"""


README = Path("README.md")

MOST_WORDS = 1_500
"""Of the README and of each page of docs, generated parts included."""


def filled_text(text: str, root: Path) -> str:
    return filled({README: text}, root)[README]


def test_pages_show_the_committed_results() -> None:
    pages = read_pages(ROOT)
    assert filled(pages, ROOT) == pages, "run python -m benchmarks.report.readme"


def test_pages_are_short() -> None:
    words = {page: len(re.findall(r"\S*\w\S*", text)) for page, text in read_pages(ROOT).items()}
    assert README in words
    assert {page: count for page, count in words.items() if count > MOST_WORDS} == {}


def test_links_between_pages_lead_somewhere() -> None:
    for page, text in read_pages(ROOT).items():
        for link in re.findall(r"\]\(([^)#]+)", text):
            if not link.startswith("http"):
                assert (ROOT / page.parent / link).exists(), f"{page}: {link}"


@pytest.mark.parametrize(
    ("options", "named"), [("--task digits", ""), ("--task digits --members 2", " with options")]
)
@pytest.mark.parametrize("commit", ["0123456789abcdef", None])
def test_provenance_names_options_and_code(
    options: str, named: str, commit: str | None, reported: Path, tmp_path: Path
) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    record = json.loads((tmp_path / "results" / "run.json").read_text(encoding="utf-8"))
    record["command"] = f"python run_all.py --preset quick {options}"
    record["commit"] = commit
    (tmp_path / "results" / "run.json").write_text(json.dumps(record), encoding="utf-8")
    code = f"commit {commit[:8]}" if commit else f"version {record['version']}"
    assert f"Made by the preset `quick`{named} at {code} (" in filled_text(TEXT, tmp_path)


def test_marked_sections_are_filled_and_the_rest_is_kept(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    text = filled_text(TEXT, tmp_path)
    assert text.startswith(
        "# Title\n\n<!-- generated: decision from results -->\n**Which method to use.**"
    )
    assert "stale" not in text
    assert "<!-- end -->\nbetween\n<!-- generated: figure from results -->\n![" in text
    assert "](results/figures/rotated-standard.png)" in text
    assert "Made by the preset `quick`" in text
    assert text.endswith("<!-- end -->\nafter\n")
    assert filled_text(text, tmp_path) == text
    for line in text.splitlines():
        if line.startswith("!["):
            assert (tmp_path / line.rpartition("(")[2].removesuffix(")")).exists()


def test_central_claims_are_told(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    (tmp_path / "results" / "claims.json").write_text(json.dumps(CLAIMS), encoding="utf-8")
    text = filled_text("<!-- generated: article from results -->\n<!-- end -->\n", tmp_path)
    assert f"-->\n{article_answer(CLAIMS)}\n<!-- end -->" in text


def test_pages_have_every_section() -> None:
    pages = read_pages(ROOT)
    for name in ("dropout", "advice", "decision", "figure", "article", "provenance"):
        assert f"<!-- generated: {name} from results/" in pages[README]
    assert "<!-- generated: latency from results/" in pages[Path("docs/latency.md")]
    texts = "".join(pages.values())
    assert [name for name in SECTIONS if f"generated: {name} from" not in texts] == []


@pytest.mark.parametrize(("name", "folder"), [("verdicts", "results"), ("advice", "none")])
def test_unknown_section_or_run_is_told_in_one_line(name: str, folder: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"verdicts|{folder}") as raised:
        filled_text(f"<!-- generated: {name} from {folder} -->\n<!-- end -->\n", tmp_path)
    assert "\n" not in str(raised.value)


def test_links_lead_from_the_folder_of_the_page(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    page = Path("docs/page.md")
    text = "<!-- generated: figure from results -->\n<!-- end -->\n"
    made = filled({page: text}, tmp_path)[page]
    assert "](../results/figures/rotated-standard.png)" in made


def test_worth_is_shown_where_there_is_its_figure(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    text = "<!-- generated: figure from results -->\n<!-- end -->\n"
    assert "rotated-standard.png" in filled_text(text, tmp_path)
    (tmp_path / "results" / "figures" / "worth-standard.png").write_bytes(b"")
    made = filled_text(text, tmp_path)
    assert "](results/figures/worth-standard.png)" in made
    assert "rotated" not in made


def test_latency_is_of_the_cards_that_have_a_folder(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    text = "<!-- generated: latency from results -->\n<!-- end -->\n"
    without = filled_text(text, tmp_path)
    assert "No GPU has been measured yet" in without
    assert "| --- |" not in without
    row = replace(ROW, p50_ms=0.75, p50_lower_ms=0.7, p50_upper_ms=0.8)
    card = replace(row, device="cuda:0", device_name="A Card", threads=8, engine="torch")
    folder = tmp_path / "results" / "gpu" / "a-card"
    folder.mkdir(parents=True)
    write_latency([replace(row, device_name="A Processor"), card], folder)
    with_card = filled_text(text, tmp_path)
    assert "| **A Card** |" in with_card
    assert "| Softmax | 0.75 ± 0.05 |" in with_card
    assert "Processor" not in with_card
    assert "No GPU" not in with_card


def test_check_fails_where_a_page_differs_and_writes_nothing(
    reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, page = tmp_path / "results", tmp_path / "README.md"
    shutil.copytree(reported, results, ignore=lambda *_: ["predictions"])
    page.write_text(
        "<!-- generated: advice from results -->\nstale\n<!-- end -->\n", encoding="utf-8"
    )
    monkeypatch.setattr("benchmarks.report.readme.ROOT", tmp_path)
    with pytest.raises(typer.Exit) as raised:
        main(check=True)
    assert raised.value.exit_code == 1
    assert "stale" in page.read_text(encoding="utf-8")
    main()
    assert "stale" not in page.read_text(encoding="utf-8")
    main(check=True)
    shutil.rmtree(results)
    with pytest.raises(typer.Exit) as raised:
        main()
    assert raised.value.exit_code == 2
