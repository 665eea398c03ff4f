"""What the site is made of, as a plugin of MkDocs.

The site has the layout of the repository, so that links among pages hold in both. Only links to
folders are mended, which lead to pages that list them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

from benchmarks.site.docstrings import faults
from benchmarks.site.links import mended, targets
from benchmarks.site.reference import reference
from benchmarks.site.results_pages import RESULTS, results_pages
from benchmarks.site.runs import Run
from benchmarks.site.sources import README, address, sources
from benchmarks.vocabulary import INDEX_HTML, LAB_HTML

LOG = logging.getLogger("mkdocs.plugins.benchmarks.site")
"""MkDocs counts its warnings."""

NO_SEARCH = "---\nsearch:\n  exclude: true\n---\n\n"
"""Begins pages that only list files."""


TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Pages at the top of the repository."""


class Copied(File):
    """A file that the site has as it is, be it Markdown."""

    def is_documentation_page(self) -> bool:
        """It is none."""
        return False


class Converted(File):
    """A page, be it called a notebook."""

    def is_documentation_page(self) -> bool:
        """It is one."""
        return True


class NoSettings(Config):
    """Those of the plugin: what it needs, the command gives it."""


class SitePages(BasePlugin[NoSettings]):
    """Gives MkDocs the pages of the repository, and what they link to.

    Args:
        root: the repository.
        runs: of which the site has the results.
    """

    def __init__(self, root: Path, runs: Sequence[Run]) -> None:
        self.root, self.runs = root, runs
        self.reference = reference()
        self.pages = dict(_pages(root)) | {uri: one.text for uri, one in self.reference.items()}
        linked = [target for uri, text in self.pages.items() for target in targets(uri, text)]
        self.sources = sources(root, filter(self._is_source, linked))
        self.listings = dict(results_pages(runs))
        self.listings |= {f"{uri}/{README}": text for uri, text in self.sources.folders.items()}

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Put results pages and labs first among the results."""
        config.theme.static_templates.discard("404.html")  # it needs a server, and a fixed address
        for section in config.nav or []:
            if "Results" in section:
                section["Results"][:0] = self._opened()
        return config

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Pages, results, and what pages link to; warn of what docstrings lack."""
        for page in self.reference.values():
            for fault in faults(page.documented):
                LOG.warning(fault)
        for uri, text in self.pages.items():
            files.append(Converted.generated(config, uri, content=text))
        for uri, text in self.listings.items():
            file = Converted.generated(config, uri, content=NO_SEARCH + text)
            file.inclusion = InclusionLevel.NOT_IN_NAV
            files.append(file)
        for uri in self.sources.files:
            files.append(_copied(config, uri, self.root / uri, address(uri)))
        for run in self.runs:
            for file in _of_run(config, run):
                files.append(file)
        return files

    def on_page_markdown(
        self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files
    ) -> str:
        """Its links to folders lead to pages."""
        return mended(page.file.src_uri, markdown, self._page_of)

    def _is_source(self, uri: str) -> bool:
        """Whether a link leads to no page, and to none of what belongs to a run as a whole."""
        return uri not in self.pages and not self._is_of_run(uri) and not self._is_result(uri)

    def _is_of_run(self, uri: str) -> bool:
        return any(f"{uri}/".startswith(f"{run.uri}/") for run in self.runs)

    def _is_result(self, uri: str) -> bool:
        """Whether it is a folder of results, or in one."""
        top, *inner = uri.split("/")
        return top == RESULTS and (self.root / top / "/".join(inner[:1])).is_dir()

    def _page_of(self, uri: str) -> str | None:
        """Where a link to a page, file or folder of the repository leads; ``None``: nowhere."""
        if any(uri == run.uri for run in self.runs):
            return f"{uri}/{INDEX_HTML}"
        if (page := f"{uri}/{README}") in self.listings or page in self.pages:
            return page
        return None if self._is_result(uri) and not self._is_of_run(uri) else uri

    def _opened(self) -> Iterator[dict[str, str]]:
        """What the navigation names of the runs."""
        yield {"All results": f"{RESULTS}/{README}"}
        for run in self.runs:
            yield {f"Results page: {run.name}": f"{run.uri}/{INDEX_HTML}"}
        for run in self.runs:
            if run.lab:
                yield {"The lab": f"{run.uri}/{LAB_HTML}"}


def _pages(root: Path) -> Iterator[tuple[str, str]]:
    """By address the Markdown of what is written for readers; notebooks are not run."""
    for path in (*(root / name for name in TOP), *sorted((root / "docs").glob("*.md"))):
        yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
    for path in sorted((root / "docs").glob("*.ipynb")):
        text, _ = MarkdownExporter().from_filename(str(path))
        yield path.relative_to(root).as_posix(), text


def _copied(config: MkDocsConfig, uri: str, source: Path, target: str) -> File:
    """A file that is copied to the site."""
    file = Copied.generated(config, uri, abs_src_path=str(source))
    file.inclusion, file.dest_uri = InclusionLevel.INCLUDED, target
    return file


def _of_run(config: MkDocsConfig, run: Run) -> Iterator[File]:
    """The results page, the lab, and the files to which they link."""
    yield Copied.generated(config, f"{run.uri}/{INDEX_HTML}", content=run.page())
    if run.lab:
        yield _copied(config, uri := f"{run.uri}/{LAB_HTML}", run.lab, uri)
    for path in run.files():
        uri = f"{run.uri}/{path.relative_to(run.folder).as_posix()}"
        yield _copied(config, uri, path, uri)
