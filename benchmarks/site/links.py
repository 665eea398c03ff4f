"""Links of Markdown pages to files and folders of the repository."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>[^)\s#:]+)(?P<rest>(?:#[^)\s]*)?)\)")
"""A link or an image, of a relative address."""


def targets(uri: str, text: str) -> Iterator[str]:
    """What a page links to, as paths from the top of the repository.

    >>> list(targets("docs/a.md", "[a](../methods/), ![b](b.png), [c](https://d.org), [e](#e)"))
    ['methods', 'docs/b.png']
    """
    return (_from_the_top(uri, match["path"]) for match in _LINK.finditer(text))


def mended(uri: str, text: str, page_of: Callable[[str], str | None]) -> str:
    """The page with links to what ``page_of`` gives for their targets; for ``None`` with none.

    >>> page_of = {"methods": "methods/README.md", "results/mine": None, "a.md": "a.md"}.get
    >>> mended("docs/b.md", "[m](../methods), [r](../results/mine), [a](../a.md#top)", page_of)
    '[m](../methods/README.md), r, [a](../a.md#top)'
    """

    def mend(match: re.Match[str]) -> str:
        target = _from_the_top(uri, match["path"])
        page = page_of(target)
        if page == target:
            return match[0]
        if page is None:
            return match["text"]
        relative = posixpath.relpath(page, posixpath.dirname(uri) or ".")
        return f"[{match['text']}]({relative}{match['rest']})"

    return _LINK.sub(mend, text)


def _from_the_top(uri: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(uri), path))
