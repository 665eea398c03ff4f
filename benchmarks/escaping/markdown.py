"""Text for GitHub's Markdown."""

from __future__ import annotations

from benchmarks.escaping.names import printable

_ESCAPED = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]|~$"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)


def markdown_text(text: str) -> str:
    """The text in one line, with everything escaped that would be mark-up, HTML or a table's edge.

    >>> print(markdown_text("a|b <script> my_set"))
    a\\|b &lt;script&gt; my\\_set
    """
    return printable(text).translate(_ESCAPED)
