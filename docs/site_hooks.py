"""What the site is made of; `mkdocs.yml` names this file.

Pages have the addresses that they have in the repository, so that links among them hold in both.
Links to what the site has not become text.
"""

import posixpath
import re
import shutil
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# Results pages link to the sources of metrics, docs to examples.
PATTERNS = (
    *("[CR]*.md", "docs/*.md", "docs/*.ipynb", "docs/pictures/*.png"),
    *("benchmarks/metrics/**/*.[mp][dy]", "tests/extensions/nouns/*.py"),
    "benchmarks/epistemic/measures.py",
)
CACHES = {"predictions", "errors"}
REFERENCE = """
# API reference

The entries are the docstrings. [Your own model](your-own-model.md) has examples.

## The suite

::: benchmarks.api

## Methods

::: methods

::: methods.contract.check_method

## Metrics and scores

::: benchmarks.metrics.metric.Metric

::: benchmarks.metrics.metric.Family

::: benchmarks.metrics.metric.MetricInputs

::: methods.scores.score.Score
"""
LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?P<path>[^)\s#:]+)(?:#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> None:
    """Put the results pages first among the results."""
    section = next(entry["Results"] for entry in config.nav or [] if "Results" in entry)
    section[:0] = [{uri.removesuffix("/index.html"): uri} for uri in _results("index.html")]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages of the repository, and all that is in the folders of results."""
    named = [
        path.relative_to(ROOT).as_posix() for pattern in PATTERNS for path in ROOT.glob(pattern)
    ]
    uris = [*sorted(named), *_results()]
    own = [File.generated(config, uri, abs_src_path=str(ROOT / uri)) for uri in uris]
    own.append(File.generated(config, "docs/reference.md", content=REFERENCE))
    return Files([*own, *(file for file in files if file.src_dir != config.docs_dir)])


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to folders lead to their pages; of others of no use here keep the text."""
    folder = posixpath.dirname(page.file.src_uri)

    def mended(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link["path"]))
        for name in ("", "/index.html", "/README.md"):
            if files.get_file_from_path(target + name):
                return link[0].replace(f"]({link['path']}", f"]({link['path'].rstrip('/')}{name}")
        in_part = folder.startswith("results/")  # not all that a run has written is published
        return link["text"] if in_part or (ROOT / target).exists() else link[0]

    return LINK.sub(mended, markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Results pages link to Markdown as it is."""
    for uri in _results("*.md"):
        shutil.copyfile(ROOT / uri, Path(config.site_dir) / uri)


def _results(pattern: str = "*.*") -> list[str]:
    paths = [path.relative_to(ROOT) for path in sorted((ROOT / "results").rglob(pattern))]
    names = [path.as_posix() for path in paths if not CACHES & set(path.parts)]
    return [name for name in names if "/." not in name]
