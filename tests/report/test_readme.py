"""The generated parts of README.md."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from benchmarks.report.readme import README, RESULTS, filled, main
from benchmarks.report.texts import article_answer
from tests.report.support import CLAIMS, ROW, write_latency

TEXT = """# Title

<!-- generated: overview -->
stale
<!-- end -->
between
<!-- generated: figures -->
<!-- end -->
<!-- generated: latency -->
<!-- end -->
<!-- generated: provenance -->
<!-- end -->
after
"""


def test_readme_shows_the_committed_results() -> None:
    text = README.read_text(encoding="utf-8")
    assert filled(text, RESULTS) == text, "run python -m benchmarks.report.readme"


def test_marked_sections_are_filled_and_the_rest_is_kept(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    text = filled(TEXT, Path("results"), tmp_path)
    assert text.startswith("# Title\n\n<!-- generated: overview -->\n**Overview of the methods.")
    assert "stale" not in text
    assert "<!-- end -->\nbetween\n<!-- generated: figures -->\n![" in text
    assert "](results/figures/rotated-standard.png)" in text
    assert "Made by `python run_all.py --preset quick" in text
    assert text.endswith("<!-- end -->\nafter\n")
    assert filled(text, Path("results"), tmp_path) == text
    for line in text.splitlines():
        if line.startswith("!["):
            assert (tmp_path / line.rpartition("(")[2].removesuffix(")")).exists()


def test_claims_are_told_and_listed_with_their_verdicts(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    (tmp_path / "results" / "claims.json").write_text(json.dumps(CLAIMS), encoding="utf-8")
    marks = "<!-- generated: article -->\n<!-- end -->\n<!-- generated: claims -->\n<!-- end -->\n"
    text = filled(marks, Path("results"), tmp_path)
    assert f"-->\n{article_answer(CLAIMS)}\n<!-- end -->" in text
    for claim in CLAIMS["claims"]:
        row = f"| [{claim['statement']}](results/claims.md#{claim['id']}) | {claim['verdict']} |"
        assert row in text
    assert "| **Central claims** | |" in text


def test_readme_has_every_mark() -> None:
    text = README.read_text(encoding="utf-8")
    names = ("article", "answer", "overview", "figures", "claims", "latency", "provenance")
    for name in names:
        assert text.count(f"<!-- generated: {name} -->") == 1


def test_latency_is_of_the_cards_that_have_a_folder(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    text = "<!-- generated: latency -->\n<!-- end -->\n"
    without = filled(text, Path("results"), tmp_path)
    assert "No GPU has been measured yet" in without
    assert "| --- |" not in without
    row = replace(ROW, p50_ms=0.75, p50_lower_ms=0.7, p50_upper_ms=0.8)
    card = replace(row, device="cuda:0", device_name="A Card", threads=8, engine="torch")
    folder = tmp_path / "results" / "gpu" / "a-card"
    folder.mkdir(parents=True)
    write_latency([replace(row, device_name="A Processor"), card], folder)
    with_card = filled(text, Path("results"), tmp_path)
    assert "| **A Card** |" in with_card
    assert "| Softmax | 0.75 ± 0.05 |" in with_card
    assert "Processor" not in with_card
    assert "No GPU" not in with_card


def test_check_fails_where_the_readme_differs_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- generated: answer -->\nstale\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr("benchmarks.report.readme.README", readme)
    with pytest.raises(typer.Exit) as raised:
        main(check=True)
    assert raised.value.exit_code == 1
    assert "stale" in readme.read_text(encoding="utf-8")
    main()
    assert "stale" not in readme.read_text(encoding="utf-8")
    main(check=True)
    with pytest.raises(typer.Exit) as raised:
        main(tmp_path)
    assert raised.value.exit_code == 2
