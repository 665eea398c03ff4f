"""What the repository keeps of a run suffices for README, docs and a reader."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fill_pages import filled
from keep_probabilities import MOST_IMAGES, PROBABILITIES_NPZ, keep_probabilities
from keep_run import keep, link_pages

from benchmarks.io import UserError
from benchmarks.report import write_report
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import tables_of
from benchmarks.report.tables.front import contestants
from benchmarks.report.tables.table import markdown

KINDS = ("front", "quality", "latency", "provenance")

PAGE = Path("README.md")


def test_generated_parts_are_the_same_from_what_is_kept(made_up_run: Path, tmp_path: Path) -> None:
    shutil.copytree(made_up_run, tmp_path / "whole" / "run")
    keep(made_up_run, tmp_path / "kept" / "run")
    text = "".join(f"<!-- generated: {kind} from run -->\n<!-- end -->\n" for kind in KINDS)
    whole, kept = (filled({PAGE: text}, tmp_path / name)[PAGE] for name in ("whole", "kept"))
    assert kept == whole.replace("summary.csv)", "summary.csv.xz)")


def test_headline_rows_and_living_links_are_kept(made_up_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    keep(made_up_run, out)
    whole, kept = Results.load(made_up_run).summary, Results.load(out).summary
    assert len(kept) == len(whole.merge(kept.astype(object), how="inner", on=[*whole])) < len(whole)
    page = (out / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"#:]+)["#]', page)
    assert [link for link in links if not (out / link).exists()] == []


def test_kept_pages_link_each_other_and_no_page_twice(made_up_run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        keep(made_up_run, tmp_path / name)
    (tmp_path / "one" / "lab.html").write_text("<title>The lab</title>")
    for _ in range(2):
        link_pages(tmp_path)
        for page in tmp_path.glob("*/index.html"):
            links = re.findall(r'href="(\.\./[^"]*)"', page.read_text(encoding="utf-8"))
            assert links == [
                f"../{path}" for path in ("one/index.html", "one/lab.html", "two/index.html")
            ]


@pytest.mark.parametrize("scored", [False, True])
def test_answer_is_kept_whole_and_so_are_its_views(
    scored: bool, made_up_run: Path, digits_run: Path, tmp_path: Path
) -> None:
    """Of the digits, contestants are further scores, too."""
    folder = digits_run / "out" if scored else made_up_run
    keep(folder, tmp_path)
    runs = [Results.load(run) for run in (folder, tmp_path)]
    pd.testing.assert_frame_equal(runs[0].answer, runs[1].answer)
    assert not runs[0].answer.empty
    whole, kept = ({table.name: markdown(table) for table in tables_of(run)} for run in runs)
    for name in ("leaderboard", "worth"):
        assert kept[name] == whole[name]
    files = [
        {p.name: p.read_bytes() for p in run.glob("influences/*")} for run in (folder, tmp_path)
    ]
    assert files[0] == files[1] != {}


def test_report_of_what_is_kept_is_refused_and_changes_nothing(
    made_up_run: Path, tmp_path: Path
) -> None:
    keep(made_up_run, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"no measurements\.csv, .* the command in its run\.json"):
        write_report(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_probabilities_of_the_first_table_are_kept(made_up_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(made_up_run, tmp_path / "run"))
    keep_probabilities(run)
    results = Results.load(run)
    own = [each for each in contestants([results]) if each.method != "my_method"]
    shown = {results.names.key(each) for each in own}
    with np.load(run / PROBABILITIES_NPZ) as file:
        kept = {name: file[name] for name in file.files}
    assert {name.partition("/")[0] for name in kept} == shown
    for name, probabilities in kept.items():
        assert probabilities.dtype == np.float16
        assert len(probabilities) <= MOST_IMAGES
        np.testing.assert_allclose(probabilities.sum(1, dtype=np.float64), 1, atol=0.005)
        assert name.partition("/")[2] in {"clean", "rotated-030", "rotated-045"}
    keep(run, tmp_path / "kept")
    assert (tmp_path / "kept" / PROBABILITIES_NPZ).exists()
    shutil.rmtree(run / "predictions")
    with pytest.raises(UserError, match="there is no prediction of"):
        keep_probabilities(run)
