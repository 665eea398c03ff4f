"""Tables, page and figures of the claims, from files alone."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import ClaimVerdict, RulePart
from benchmarks.claims.numbers import ValueRange, rows
from benchmarks.report.claims import (
    claim_tables,
    claims_shown,
    verdict_table,
    write_claims_page,
)
from benchmarks.report.editorial import WEIGHTS
from benchmarks.report.figures import drawn_figures
from benchmarks.report.figures.declared import FIGURES as DECLARED
from benchmarks.report.results import Results
from benchmarks.report.tables.table import markdown
from benchmarks.schema import write_table
from benchmarks.vocabulary import NOUNS_JSON

NETWORKS = 4
VOTES = {"method": "mc_dropout", "condition": "image 61"}


def measured(claim: str) -> Iterator[pd.DataFrame]:
    """Made-up numbers of four networks; of some claims there are none."""
    if claim.startswith("image"):
        image = claim[:9].replace("-", " ").rstrip()
        for c in range(10):
            yield rows("votes", [10.0] * NETWORKS, **VOTES | {"condition": image, "case": str(c)})
    if claim == "softmax-is-not-certainty":
        yield rows("auroc", ValueRange(-0.066, -0.08, -0.052), method="softmax", case="minus a_b")
        yield rows("auroc", ValueRange(-0.063, math.nan, math.nan), method="softmax", case="c")
        yield rows("ece", [math.nan, 0.95, 1.0, 1.0], case="some")
        yield rows("ece", [math.nan], case="none")


def described(id: str) -> dict[str, object]:
    claim = CLAIMS[id]
    parts = [
        RulePart("a | b", "0.5 (0.4 to 0.6)", True)._asdict(),
        RulePart("c", "1", None)._asdict(),
    ]
    judged = {"verdict": ClaimVerdict.PARTLY.value, "why": "a | reason.", "parts": parts}
    return {
        **{"id": id, "statement": f"{id} | 62 holds.", "place": "somewhere", "task": "mnist"},
        **{"weight": claim.weight, "figure": claim.figure, "rule": "A rule.", "against": ""},
        **judged,
    }


@pytest.fixture(scope="module")
def folder(made_up_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with claims in it."""
    folder = tmp_path_factory.mktemp("claims")
    files = ("measurements.csv", "summary.csv", "answer.csv", "images.npz", "training.csv")
    for name in (*files, NOUNS_JSON):
        (folder / name).write_bytes((made_up_run / name).read_bytes())
    setting = {
        **{"recipe": "article", "passes": 100, "networks": NETWORKS, "epochs": 10.0},
        **{"images": 1234, "ood": ["Fashion-MNIST"]},
    }
    content = {"setting": setting, "claims": [described(id) for id in CLAIMS]}
    (folder / "claims.json").write_text(json.dumps(content))
    tables = [table.assign(claim=id) for id in CLAIMS for table in measured(id)]
    write_table(pd.concat(tables), folder, "claims.csv")
    return folder


def test_claims_name_figures_that_there_are() -> None:
    named = {claim.figure for claim in CLAIMS.values()} - {""}
    assert named <= {figure.name for figure in DECLARED}


FIGURES = {figure.name for figure in DECLARED if figure.name.startswith("claims-")}


def test_run_has_the_figures_of_claims_with_their_verdicts(folder: Path) -> None:
    titles = {drawn.name: drawn.title for drawn in drawn_figures(Results.load(folder))}
    assert set(titles) >= FIGURES
    assert titles["claims-count-plots"] == "“image-61 | 62 holds”: partly reproduced"


def test_verdicts_stand_in_a_table_by_weight(folder: Path) -> None:
    table = verdict_table(json.loads((folder / "claims.json").read_text()))
    assert "| image-61 | partly reproduced |" in markdown(table)
    assert list(table.groups) == list(WEIGHTS.values())


LINK = r"\((figures/claims-[^)]*)\)"


def test_page_has_verdicts_numbers_and_names_escaped(folder: Path, tmp_path: Path) -> None:
    write_claims_page(Results.load(folder), FIGURES, tmp_path)
    page = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert '<a id="image-61"></a>\n\n## image-61 | 62 holds.' in page
    assert "| [image-61 \\| 62 holds.](#image-61) | *partly reproduced* |" in page
    assert "| a \\| b | 0.5 (0.4 to 0.6): yes |\n| c | 1 |" in page
    assert page.count("A rule.") == len(CLAIMS)
    linked = {link.rpartition("/")[2].removesuffix(".png") for link in re.findall(LINK, page)}
    assert linked
    assert linked <= FIGURES


def test_numbers_stand_with_what_is_known_of_their_interval(folder: Path) -> None:
    results = Results.load(folder)
    *_, table = claim_tables(results, described("softmax-is-not-certainty"))
    assert {row.labels[0]: row.cells[0].text for row in table.rows} == {
        "AUROC, Softmax, minus a b": "−0.066 (−0.080 to −0.052)",
        "AUROC, Softmax, c": "−0.063",
        "ECE, some": "0.983 [0.950 to 1, n = 3]",
    }


def test_without_claims_no_page_is_written(made_up_run: Path, tmp_path: Path) -> None:
    results = replace(Results.load(made_up_run), claims=None)
    write_claims_page(results, (), tmp_path)
    assert claims_shown(results) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "results").rglob("claims.json")), ids=str
)
def test_claims_in_the_repository_are_read(path: Path) -> None:
    assert verdict_table(json.loads(path.read_text("utf-8"))).rows
