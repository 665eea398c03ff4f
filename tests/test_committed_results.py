"""The repository's results are small, of today's configuration, and without dead links."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from keep_run import FIGURES

from benchmarks.nouns import Names
from benchmarks.run.measure import write_answer
from benchmarks.vocabulary import ANSWER_CSV, INFLUENCES_FOLDER, LAB_HTML
from tests.runs import QUICK

RESULTS = Path(__file__).parents[1] / "results"

RUNS = (
    *("article", "article-fashion_mnist", "fashion_mnist", "mnist"),
    *("published/fashion_mnist", "published/mnist", "published-laplace-redux"),
)

GONE = re.compile(
    r"measurements|predictions|errors/|curves/|claims/|\.tex$|images\.npz$|figures/.*(?<!png)$"
)
"""What a run writes and the repository does not keep."""


def test_results_are_small_and_what_people_and_docs_read() -> None:
    """Of what git knows: a folder of results may hold other files."""
    listed = subprocess.run(["git", "ls-files"], cwd=RESULTS, capture_output=True, text=True)
    if not listed.stdout:
        pytest.skip("this is not a checkout")
    names = listed.stdout.splitlines()
    sizes = {name: (RESULTS / name).stat().st_size for name in names}
    assert sum(sizes.values()) <= 25_000_000
    large = {name for name, size in sizes.items() if size > 4_000_000}
    assert large == {f"article/{LAB_HTML}"}
    assert {Path(name).stem for name in sizes if name.endswith(".png")} <= {*FIGURES}
    expected = (*RUNS, "gpu/", "constraints.txt")
    assert [name for name in sizes if not name.startswith(expected) or GONE.search(name)] == []


@pytest.mark.parametrize("run", RUNS)
def test_record_is_of_a_configuration_of_today_and_lists_no_files(run: str) -> None:
    record = json.loads((RESULTS / run / "run.json").read_text(encoding="utf-8"))
    assert list(record["configuration"]) == list(QUICK.identity)
    assert not {"integrity", "files"} & {*record}


@pytest.mark.parametrize("run", RUNS)
def test_constraints_are_the_versions_of_a_run(run: str) -> None:
    lines = (RESULTS / "constraints.txt").read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("==") for line in lines if not line.startswith("#"))
    record = json.loads((RESULTS / run / "run.json").read_text(encoding="utf-8"))
    libraries = record["environment"]["libraries"]
    used = {name: version.partition("+")[0] for name, version in libraries.items()}
    assert used == {name: versions[name] for name in used}


@pytest.mark.parametrize("run", RUNS)
def test_links_lead_to_files_that_are_there(run: str) -> None:
    for path in (*(RESULTS / run).glob("*.html"), *(RESULTS / run).glob("*.md")):
        text = path.read_text(encoding="utf-8")
        pattern = r'href="([^"#:]+)["#]' if path.suffix == ".html" else r"\]\(([^)#:]+)[)#]"
        dead = {link for link in re.findall(pattern, text) if not (path.parent / link).exists()}
        assert dead == set()


@pytest.mark.parametrize("run", RUNS)
def test_tables_are_read_as_the_documentation_says(run: str) -> None:
    """Without a warning, which is an error here, and each column as one type."""
    for path in (RESULTS / run).glob("*.csv*"):
        for name, column in pd.read_csv(path, low_memory=False).items():
            assert len(set(map(type, column.dropna()))) <= 1, (path.name, name)


@pytest.mark.parametrize("run", RUNS)
def test_answer_follows_from_the_influences_that_are_kept(run: str, tmp_path: Path) -> None:
    if not (influences := RESULTS / run / INFLUENCES_FOLDER).exists():
        pytest.skip("of version 0.3, which kept none")
    shutil.copytree(influences, tmp_path / INFLUENCES_FOLDER)
    write_answer(tmp_path, Names.read(RESULTS / run))
    assert (tmp_path / ANSWER_CSV).read_bytes() == (RESULTS / run / ANSWER_CSV).read_bytes()
