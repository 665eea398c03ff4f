"""The site is built without a warning, and has the reference and the results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

for library in ("mkdocs", "material", "mkdocstrings_handlers.python"):
    pytest.importorskip(library, reason="not installed: '.[docs]'")


@pytest.mark.slow
def test_site_has_docs_reference_and_results(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    docs = {"reference", *(path.stem for path in (ROOT / "docs").glob("*.md"))}
    assert docs == {path.stem for path in (tmp_path / "docs").glob("*.html")}
    reference = (tmp_path / "docs/reference.html").read_text(encoding="utf-8")
    for name in ("benchmarks.api.evaluate", "methods.Prediction.of", "methods.SWAG.fit"):
        assert f'id="{name}"' in reference
    results = [path.relative_to(ROOT) for path in (ROOT / "results").glob("*/index.html")]
    home = (tmp_path / "index.html").read_text(encoding="utf-8")
    for page in results:
        assert (tmp_path / page).read_bytes() == (ROOT / page).read_bytes()
        assert f'href="{page.as_posix()}"' in home
    pictures = sorted((ROOT / "docs/pictures").glob("*"))
    assert pictures
    assert all((tmp_path / path.relative_to(ROOT)).exists() for path in pictures)
    architecture = (tmp_path / "docs/architecture.html").read_text(encoding="utf-8")
    assert 'href="../benchmarks/metrics/index.html"' in architecture
    assert 'href="../methods/posthoc' not in architecture  # the site has no such page
