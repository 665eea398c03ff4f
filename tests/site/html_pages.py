"""What pages of HTML link to and load, read by Python's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    *(("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")),
    *(("object", "data"), ("embed", "src"), ("image", "href"), ("use", "href"), ("img", "srcset")),
}
"""Elements and their attributes by which a browser loads something without being asked."""

LOADING_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}
"""Kinds of the element ``link`` that a browser follows by itself."""

CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s]+)""")


@dataclass
class Page(HTMLParser):
    """What one page has.

    Attributes:
        links: addresses that a reader may follow.
        loaded: addresses that a browser loads.
        anchors: ids, and names of links.
    """

    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.loaded += [given[name] for name in given if (tag, name) in LOADED]
        self.loaded += CSS_ADDRESS.findall(given.get("style", ""))
        if tag == "link" and LOADING_LINKS & set(given.get("rel", "").split()):
            self.loaded.append(given["href"])
        elif tag in {"a", "area"} and "href" in given:
            self.links.append(given["href"])

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.loaded += CSS_ADDRESS.findall(data)


def read_page(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def dead_links(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """The links and loaded files that are not in the site, or lead to no place of a page."""
    for path, page in pages.items():
        for address in {*page.links, *page.loaded}:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            where = f"{path.relative_to(site)}: {address}"
            if not target.is_relative_to(site) or not target.exists():
                yield where
            elif target in pages and unquote(parts.fragment) not in {"", *pages[target].anchors}:
                yield f"{where} (no such place)"
