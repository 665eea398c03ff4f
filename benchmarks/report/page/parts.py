"""Parts of the page that are not in view at first, which it holds compressed."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode

from markupsafe import Markup

PLACE = Markup('<div data-packed="{}"></div>')


class Parts:
    """HTML by name, which the page's script puts into its place once that is in view."""

    def __init__(self) -> None:
        self._parts: dict[str, Markup] = {}

    def place_of(self, name: str, html: Markup) -> Markup:
        """The place of a part, which is added."""
        self._parts[name] = html
        return PLACE.format(name)

    @property
    def packed(self) -> str:
        """All parts, as JSON in gzip in base64; the same ones give the same text."""
        text = json.dumps(self._parts, ensure_ascii=False, separators=(",", ":"))
        return b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")
