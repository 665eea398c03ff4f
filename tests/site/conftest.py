"""The site, made once: docs, API reference, three committed runs, and a small one with a lab."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.site import command
from tests.site.html_pages import Page, read_page

ROOT = Path(__file__).parents[2]

COMMITTED = ("article", "published/mnist")
"""The runs of the site; docs link to others, too."""

HOSTILE = "<script>alert(1)</script>"


def made_run(folder: Path, *, lab: bool = False) -> Path:
    """A folder of results: a record, a page, a table with a hostile name, and perhaps a lab."""
    folder.mkdir(parents=True)
    record = json.loads((ROOT / "results/article/run.json").read_text(encoding="utf-8"))
    record["command"] = f"python run_all.py\n\n# {HOSTILE}"
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "index.html").write_text('<a href="summary.csv">All</a>', encoding="utf-8")
    (folder / "summary.csv.gz").write_bytes(b"")
    (folder / "tables").mkdir()
    (folder / "tables" / "](x)<b>|&.csv").write_text("a,b\n", encoding="utf-8")
    (folder / "predictions").mkdir()
    (folder / "predictions" / "cached.npz").write_bytes(b"")
    if lab:
        (folder / "lab.html").write_text("<p>The lab</p>", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the site; its name is as hostile as that of a folder may be."""
    if command.missing_libraries():
        pytest.skip("not installed: '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    runs = [f"results/{name}" for name in COMMITTED]
    run, out = made_run(folder / "with-lab", lab=True), folder / "the site & more"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.site", *runs, str(run), "--out", str(out)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == f"wrote {out / 'index.html'}\n"
    yield out
    shutil.rmtree(out)  # it is large


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    """Every page of it."""
    return {path: read_page(path) for path in sorted(site.rglob("*.html"))}
