"""The site as a whole: links, requests, the reference, and what is taken from runs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import benchmarks.api
from benchmarks.metrics import METRICS
from methods import METHODS
from methods.scores import SCORES
from tests.site.conftest import COMMITTED, HOSTILE, ROOT
from tests.site.html_pages import CSS_ADDRESS, Page, dead_links

pytestmark = pytest.mark.slow


def test_site_has_a_page_for_each_text_of_the_repository(
    pages: dict[Path, Page], site: Path
) -> None:
    docs = {path.stem for path in (ROOT / "docs").iterdir()}
    assert len(docs) > 15
    assert docs == {path.stem for path in (site / "docs").glob("*.html")}
    for name in ("index", "CONTRIBUTING", "CHANGELOG", "results/index", "benchmarks/metrics/index"):
        assert site / f"{name}.html" in pages


def test_every_link_leads_somewhere(pages: dict[Path, Page], site: Path) -> None:
    assert sum(len(page.links) for page in pages.values()) > 5000
    assert list(dead_links(site, pages)) == []


def test_nothing_is_requested_from_others(pages: dict[Path, Page], site: Path) -> None:
    loaded = [(path, address) for path, page in pages.items() for address in page.loaded]
    styles = list(site.rglob("*.css"))
    loaded += [(css, one) for css in styles for one in CSS_ADDRESS.findall(css.read_text("utf-8"))]
    assert len(styles) >= 3
    assert len(loaded) > 1000
    assert [
        (path.name, address)
        for path, address in loaded
        if urlsplit(address).scheme not in {"", "data"} or urlsplit(address).netloc
    ] == []


def test_reference_has_what_users_import(pages: dict[Path, Page], site: Path) -> None:
    def anchors(page: str) -> set[str]:
        return pages[site / "api" / f"{page}.html"].anchors

    suite = [getattr(benchmarks.api, name) for name in benchmarks.api.__all__]
    assert {f"{one.__module__}.{one.__name__}" for one in suite} <= anchors("python")
    assert {f"{one.__module__}.{one.__name__}" for one in METHODS.values()} <= anchors("methods")
    interface = "methods.interface"
    assert anchors("interface") >= {
        f"{interface}.Prediction.of_logits",
        f"{interface}.UncertaintyMethod.predict",
        "methods.pooled.PooledMethod",
        "methods.contract.check_method",
    }
    assert anchors("metrics") >= {
        f"benchmarks.metrics.metric.{one}" for one in ("Metric", "Family")
    }
    for page, names in {"metrics": METRICS, "scores": SCORES, "methods": METHODS}.items():
        text = (site / "api" / f"{page}.html").read_text(encoding="utf-8")
        assert [name for name in names if f"<code>{name}</code>" not in text] == []


def test_descriptions_of_parameters_are_shown(site: Path) -> None:
    text = re.sub(r"<[^>]+>|\s+", " ", (site / "api/python.html").read_text(encoding="utf-8"))
    text = " ".join(text.split())
    assert "bootstrap resamples of the images, for intervals" in text
    assert "where and by what networks are trained and evaluated" in text  # of `device, engine`


def test_links_to_folders_lead_to_pages_that_list_them(pages: dict[Path, Page], site: Path) -> None:
    architecture = pages[site / "docs/architecture.html"].links
    assert {"../methods/posthoc/index.html", "../benchmarks/vocabulary.py.txt"} <= {*architecture}
    posthoc = pages[site / "methods/posthoc/index.html"].links
    assert "swag.py.txt" in posthoc
    shown = (site / "methods/posthoc/swag.py.txt").read_text(encoding="utf-8")
    assert shown == (ROOT / "methods/posthoc/swag.py").read_text(encoding="utf-8")
    home = pages[site / "index.html"].links
    assert {"results/article/tables/index.html", "CHANGELOG.html"} <= {*home}


def test_links_to_results_that_the_site_has_not_are_text(site: Path) -> None:
    assert "[results/medium](results/medium)" in (ROOT / "README.md").read_text(encoding="utf-8")
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "results/medium" in text
    assert 'href="results/medium' not in text
    assert not (site / "results/medium").exists()


def test_navigation_leads_to_results_and_to_the_lab(pages: dict[Path, Page], site: Path) -> None:
    for page, up in {"index.html": "", "docs/running.html": "../"}.items():
        assert {
            f"{up}results/article/index.html",
            f"{up}results/with-lab/lab.html",
            f"{up}api/python.html",
        } <= {*pages[site / page].links}


def test_notebook_is_a_page(site: Path) -> None:
    text = (site / "docs/own-network.html").read_text(encoding="utf-8")
    assert "<h1" in text
    assert "mobilenet_v2" in text


def test_files_of_a_run_are_copied_but_for_its_caches(site: Path) -> None:
    copied = {path.relative_to(site / "results") for path in (site / "results").rglob("*.*")}
    for run in COMMITTED:
        files = {path for path in (ROOT / "results" / run).rglob("*") if path.is_file()}
        # A run that draws its report again leaves its lock behind.
        wanted = {path.relative_to(ROOT / "results") for path in files if path.name != ".lock"}
        assert {
            one for one in wanted - copied if {"predictions", "errors"}.isdisjoint(one.parts)
        } == set()
    csv = "results/article/latency.csv"
    assert (site / csv).read_bytes() == (ROOT / csv).read_bytes()
    assert not (site / "results/with-lab/predictions").exists()


def test_claims_of_a_run_are_a_page(pages: dict[Path, Page], site: Path) -> None:
    assert "article/claims-page.html" in pages[site / "results/index.html"].links
    claims = pages[site / "results/article/claims-page.html"]
    assert {"dropout-mimics-ensemble", "accuracy-rises"} <= claims.anchors


def test_results_page_links_tables_as_they_are(site: Path) -> None:
    page = (site / "results/with-lab/index.html").read_text(encoding="utf-8")
    assert page == '<a href="summary.csv.gz">All</a>'


def test_hostile_names_and_commands_stay_text(pages: dict[Path, Page], site: Path) -> None:
    text = (site / "results/index.html").read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)" in text
    listing = (site / "results/with-lab/tables/index.html").read_text(encoding="utf-8")
    assert "](x)&lt;b&gt;|&amp;" in listing
    assert "<b>" not in listing
    assert "%5D%28x%29%3Cb%3E%7C%26.csv" in pages[site / "results/with-lab/tables/index.html"].links


def test_search_finds_docs_and_reference_and_no_listings(site: Path) -> None:
    index = (site / "search/search_index.js").read_text(encoding="utf-8")
    assert '"docs/running.html' in index
    assert '"api/scores.html' in index
    assert '"methods/posthoc/index.html' not in index
