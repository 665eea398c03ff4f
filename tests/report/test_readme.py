"""The generated parts of README.md."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.report.readme import README, RESULTS, ROOT, filled

TEXT = """# Title

<!-- generated: overview -->
stale
<!-- end -->
between
<!-- generated: figures -->
<!-- end -->
<!-- generated: provenance -->
<!-- end -->
after
"""


def test_readme_shows_the_committed_results() -> None:
    if not (ROOT / RESULTS / "run.json").exists():
        pytest.skip("no results are committed yet")
    text = README.read_text(encoding="utf-8")
    assert filled(text, RESULTS) == text, "run python -m benchmarks.report.readme"


def test_marked_sections_are_filled_and_the_rest_is_kept(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "results", ignore=lambda *_: ["predictions"])
    text = filled(TEXT, Path("results"), tmp_path)
    assert text.startswith("# Title\n\n<!-- generated: overview -->\n**The methods in a line each.")
    assert "stale" not in text
    assert "<!-- end -->\nbetween\n<!-- generated: figures -->\n![" in text
    assert "](results/figures/rotation-standard.png)" in text
    assert "Made by `python run_all.py --preset quick" in text
    assert text.endswith("<!-- end -->\nafter\n")
    assert filled(text, Path("results"), tmp_path) == text
    for line in text.splitlines():
        if line.startswith("!["):
            assert (tmp_path / line.rpartition("(")[2].removesuffix(")")).exists()


def test_readme_has_every_mark() -> None:
    text = README.read_text(encoding="utf-8")
    for name in ("overview", "figures", "provenance"):
        assert text.count(f"<!-- generated: {name} -->") == 1
