"""The runs whose results the site shows, and what it takes from their folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.errors import UserError
from benchmarks.site.sources import address
from benchmarks.stored.listing import read_run_json
from benchmarks.vocabulary import (
    ERRORS_FOLDER,
    INDEX_HTML,
    LAB_HTML,
    PREDICTIONS_FOLDER,
    RUN_JSON,
)

COMMITTED = (
    "results/article",
    "results/medium",
    "results/fashion_mnist-medium",
    "results/published/mnist",
    "results/published/fashion_mnist",
)
"""The runs of the repository, to which docs link."""

OWN_RESULTS = Path(__file__).resolve().parents[2] / "results"
"""The folder of the repository's own runs."""

NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)
"""A run's name that needs no escaping, in addresses and pages."""

LEFT_OUT = {PREDICTIONS_FOLDER, ERRORS_FOLDER}
"""Of a run's folder: caches, and what is only of use on its own machine."""

_LINK = re.compile(r'(?<=href=")(?P<up>(?:\.\./)*)[^":#]+(?=")')
"""A link of the results page to a file, in its own folder or elsewhere in the repository."""


@dataclass(frozen=True)
class Run:
    """A run with a results page.

    Attributes:
        folder: its results.
        record: its ``run.json``.
        lab: the file of the lab; ``None`` where there is none.
    """

    folder: Path
    record: Mapping[str, Any]
    lab: Path | None

    @property
    def name(self) -> str:
        """Of its folder; within the repository's results the path from there."""
        folder = self.folder.resolve()
        is_own = folder.is_relative_to(OWN_RESULTS)
        return folder.relative_to(OWN_RESULTS).as_posix() if is_own else folder.name

    @property
    def uri(self) -> str:
        """Its folder in the site, as in the repository."""
        return f"results/{self.name}"

    def with_lab(self, page: Path) -> Run:
        """The same run with a lab that lies elsewhere."""
        return replace(self, lab=page)

    def files(self) -> Iterator[Path]:
        """What the site has of its folder, beside the results page and the lab."""
        for path in sorted(self.folder.rglob("*")):
            parts = path.relative_to(self.folder).parts
            hidden = any(part.startswith(".") for part in parts)
            if path.is_file() and not hidden and parts[0] not in {*LEFT_OUT, INDEX_HTML, LAB_HTML}:
                yield path

    def page(self) -> str:
        """The results page; what was gzipped since it was drawn is linked as it is now."""

        def mend(match: re.Match[str]) -> str:
            link = match[0]
            if match["up"]:
                return address(link)
            gzipped = f"{link}.gz"
            is_gzipped = (self.folder / gzipped).exists() and not (self.folder / link).exists()
            return gzipped if is_gzipped else link

        return _LINK.sub(mend, (self.folder / INDEX_HTML).read_text(encoding="utf-8"))


def read_runs(folders: Iterable[Path]) -> list[Run]:
    """The runs in these folders.

    Raises:
        UserError: one is none, has no page or an impossible name, or two have the same name.
    """
    runs = [_read(folder) for folder in {folder.resolve(): folder for folder in folders}.values()]
    names = [run.name for run in runs]
    for run in runs:
        if names.count(run.name) > 1:
            raise UserError(f"two runs are called {run.name!r}; rename the folder of one of them")
    return runs


def _read(folder: Path) -> Run:
    if not (folder / RUN_JSON).is_file():
        raise UserError(f"{folder}: there is no {RUN_JSON}; name a folder that a run has written")
    if not (folder / INDEX_HTML).is_file():
        raise UserError(
            f"{folder}: there is no results page {INDEX_HTML}; draw it by "
            f"python run_all.py --only report --out {folder}"
        )
    lab = folder / LAB_HTML
    run = Run(folder, read_run_json(folder), lab if lab.is_file() else None)
    if not NAME.fullmatch(run.name):
        raise UserError(
            f"{folder}: the folder's name becomes an address; rename it to letters, digits, "
            "full stops, hyphens and underscores"
        )
    return run
