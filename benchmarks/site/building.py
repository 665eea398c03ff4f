"""The site, built by MkDocs from the pages of the repository and of runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mkdocs.commands.build import build as build_pages
from mkdocs.config import load_config
from mkdocs.exceptions import MkDocsException

from benchmarks.errors import UserError
from benchmarks.site.output import made_whole
from benchmarks.site.pages import SitePages
from benchmarks.site.runs import Run

SETTINGS = Path(__file__).with_name("mkdocs.yml")


class _Kept(logging.Handler):
    """Keeps the warnings of MkDocs and its plugins."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one, as a line."""
        self.messages.append(" ".join(record.getMessage().split()))


def build(checkout: Path, runs: Sequence[Run], out: Path) -> None:
    """Write the site, in place of an earlier one; see `require_replaceable`.

    Raises:
        UserError: a page, a docstring or a link is wrong; the message has each warning.
    """
    with _warnings() as messages, made_whole(out) as folder:
        try:
            config = load_config(str(SETTINGS), site_dir=str(folder))
            config.plugins["benchmarks.site"] = SitePages(checkout, runs)
            build_pages(config)
        except MkDocsException as error:
            raise UserError(f"the site was not made: {'; '.join(messages) or error}") from error


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What is warned of meanwhile."""
    logger, kept = logging.getLogger("mkdocs"), _Kept()
    logger.addHandler(kept)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield kept.messages
    finally:
        logger.propagate = propagate
        logger.removeHandler(kept)
